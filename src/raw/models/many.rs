//! Claims on several ranges, taken together.

use super::*;

const PARTS: [Part; 2] = [part(0), part(1)];

const fn part(unit: u64) -> Part {
    Part { span: Span::of_unit(unit).unwrap(), mode: Exclusive }
}

impl Units {
    fn locked_many(&self, parts: &[Part]) {
        let hold = self.lock.lock_many(parts, None).expect("it waits");
        parts.iter().for_each(|part| self.touch(part.span, part.mode));
        self.lock.unlock(Span::EMPTY, Exclusive, hold);
    }

    fn try_locked_many(&self, parts: &[Part]) {
        if let Some(hold) = self.lock.try_lock_many(parts) {
            parts.iter().for_each(|part| self.touch(part.span, part.mode));
            self.lock.unlock(Span::EMPTY, Exclusive, hold);
        }
    }
}

/// Runs `many` against a thread with an ordinary claim on each of a few spans.
fn against(many: fn(&Units, &[Part])) {
    for theirs in [span(0, 1), span(1, 2), span(0, 2), span(0, 9)] {
        model(2, move || {
            let units = Units::with_table();
            let other = Arc::clone(&units);
            let thread = thread::spawn(move || other.locked(theirs, Exclusive));
            many(&units, &PARTS);
            thread.join().unwrap();
            units.assert_idle();
        });
    }
}

#[test]
fn claims_on_many_ranges_and_a_claim_on_one_exclude_each_other() {
    against(Units::locked_many);
}

#[test]
fn claims_on_many_ranges_that_are_tried_take_all_or_leave_no_trace() {
    against(Units::try_locked_many);
}

#[test]
fn two_claims_on_many_ranges_in_opposite_order_do_not_deadlock() {
    model(2, || {
        let units = Units::with_table();
        let other = Arc::clone(&units);
        let thread = thread::spawn(move || other.locked_many(&[PARTS[1], PARTS[0]]));
        units.locked_many(&PARTS);
        thread.join().unwrap();
        units.assert_idle();
    });
}

/// While it waits it holds nothing, and later claims wait for it.
#[test]
fn claims_on_many_ranges_wait_for_the_last_of_their_blockers() {
    model(2, || {
        let units = Units::with_table();
        let [low, high] = [span(0, 1), span(1, 2)].map(|span| units.lock.lock(span, Shared));
        let [many, releaser] = std::array::from_fn(|_| Arc::clone(&units));
        let many = thread::spawn(move || many.locked_many(&PARTS));
        let releaser = thread::spawn(move || {
            releaser.touch(span(1, 2), Shared);
            releaser.lock.unlock(span(1, 2), Shared, high);
        });
        units.touch(span(0, 1), Shared);
        units.lock.unlock(span(0, 1), Shared, low);
        many.join().unwrap();
        releaser.join().unwrap();
        units.assert_idle();
    });
}

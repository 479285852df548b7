//! Tries beside tries that are going to fail: these block no other, in any interleaving.

use super::*;

/// A reader of unit 1 is there already. One thread tries to lock `tried` exclusively, which fails;
/// the try of the other to lock something shared must succeed.
fn beside_a_try_that_fails(units: fn() -> Arc<Units>, tried: Span) {
    for wanted in [vec![span(1, 2)], vec![span(0, 3)], vec![span(0, 1), span(1, 2)]] {
        model(2, move || {
            let units = units();
            let reader = units.lock.lock(span(1, 2), Shared);
            let fails = Arc::clone(&units);
            let fails = thread::spawn(move || {
                assert!(fails.lock.try_lock(tried, Exclusive).is_none(), "the reader holds it");
            });
            let parts: Vec<_> = wanted.iter().map(|&span| Part { span, mode: Shared }).collect();
            let hold = match parts[..] {
                [Part { span, mode }] => units.lock.try_lock(span, mode),
                _ => units.lock.try_lock_many(&parts),
            };
            let hold = hold.expect("no conflicting claim is held or queued");
            units.lock.unlock(wanted[0], Shared, hold);
            fails.join().unwrap();
            units.lock.unlock(span(1, 2), Shared, reader);
            units.assert_shut();
        });
    }
}

#[test]
fn a_try_of_a_range_with_a_reader_blocks_no_try() {
    beside_a_try_that_fails(Units::with_table, span(0, 9));
}

#[test]
fn a_try_of_a_unit_with_a_reader_in_a_word_blocks_no_try() {
    beside_a_try_that_fails(Units::open, span(1, 2));
}

//! Watching claims in slots and cells, with the mutex held, so that other claims can wait for them.
//!
//! A watched claim has a proxy in the registry (I2). The thread that releases the claim finds the
//! watch in the slot's word or in the summary, and takes the mutex. The proxy is removed with the
//! last holder.

use crate::raw::Locked;
use crate::raw::place::{Hold, Kind, Place};
use crate::raw::registry::{ClaimId, Queueing};
use crate::raw::words::slot::Word;
use crate::raw::words::summary::Summary;
use crate::sync::{AtomicU64, Ordering};
use crate::{Mode, Span};

impl Locked<'_> {
    /// Watches the claims that conflict with a claim: those in cells that `before` shows, those in
    /// readers' words, and those in slots.
    pub(in crate::raw) fn watch_all(&mut self, before: Summary, span: Span, mode: Mode) {
        self.watch_cells(before, span, mode);
        if mode == Mode::Exclusive && before.has_readers() {
            self.watch_readers(span);
        }
        self.watch_slots(span, mode);
    }

    /// Watches the claims that conflict with a claim that is not shown on the board.
    pub(in crate::raw) fn watch_those_there(&mut self, span: Span, mode: Mode) {
        self.watch_all(self.core.summary_now(), span, mode);
    }

    /// Watches the claims in cells that conflict with the registry's proxies in `span`, so that the
    /// registry can decide which of these claims will be taken back.
    pub(in crate::raw) fn watch_those_in_the_way(&mut self, span: Span) {
        for (span, mode) in self.registry().proxies(span) {
            self.watch_cells(self.core.summary_now(), span, mode);
        }
    }

    fn watch_cells(&mut self, before: Summary, span: Span, mode: Mode) {
        for cell in before.unwatched().conflicting(mode) {
            if !self.core.cells.span(cell).overlaps(span) {
                continue;
            }
            let Some(id) = self.watch_cell(cell) else { continue };
            let (theirs, held) = (self.registry().span(id), self.registry().mode(id));
            if !theirs.overlaps(span) || !held.conflicts_with(mode) {
                // Another claim has taken the cell meanwhile, or its claim was downgraded.
                self.unwatch(id);
            }
        }
    }

    /// Watches the claim in a cell. Returns its proxy, or `None` if the claim has left.
    pub(in crate::raw) fn watch_cell(&mut self, cell: u32) -> Option<ClaimId> {
        // ORDERING: Acquire, also on failure: if the cell is not in use any more, we happen after
        // the claim that was in it.
        let watched =
            self.core.summary.fetch_update(Ordering::Acquire, Ordering::Acquire, |bits| {
                let now = Summary::from_bits(bits);
                (now.uses(cell) && !now.watches(cell)).then_some(bits | Summary::watch(cell))
            });
        let mode = match watched {
            Ok(before) => Summary::from_bits(before).mode_of(cell),
            Err(now) => {
                let is_used = Summary::from_bits(now).uses(cell);
                return self.protected.proxies[cell as usize].filter(|_| is_used);
            }
        };
        // From here on the claim has its cell until we release the mutex.
        let span = self.core.cells.span(cell);
        let proxy = self.registry().hold(span, mode, Queueing::Due);
        self.registry().set_place(proxy, Place::Cell(cell));
        self.protected.proxies[cell as usize] = Some(proxy);
        Some(proxy)
    }

    /// Watches the holders in a slot or a reader's word, if they conflict.
    pub(in crate::raw) fn watch(&mut self, place: Place, slot: &AtomicU64, span: Span, mode: Mode) {
        loop {
            // ORDERING: SeqCst, the range's side of the two-sided argument (I4); as an Acquire it
            // is paired with the Release of the claims that left the slot.
            let word = Word::from_bits(slot.load(Ordering::SeqCst));
            let Some((unit, holder)) = word.holder() else { return };
            let in_the_way = span.contains_unit(unit) && holder.conflicts_with(mode);
            if !in_the_way || word.has_waiters() {
                return;
            }
            let watched = word.watched().bits();
            // ORDERING: Acquire: readers may have joined and left since the load, so that the word
            // has its old value again. A thread that upgrades or frees this slot takes the mutex
            // after us, and so happens after them. No Release: a thread that finds WAITERS takes
            // the mutex. Relaxed on failure: it is loaded again.
            let marked =
                slot.compare_exchange(word.bits(), watched, Ordering::Acquire, Ordering::Relaxed);
            if marked.is_ok() {
                let unit = Span::from_range(unit..unit + 1);
                let proxy = self.registry().hold(unit, holder, Queueing::Due);
                return self.registry().set_place(proxy, place);
            }
        }
    }

    /// The registry's number of a held claim. If the claim is in a slot, it must be watched
    /// already.
    pub(in crate::raw) fn number_of(&mut self, span: Span, hold: Hold) -> ClaimId {
        if let Some(place) = self.lock.place_of(hold) {
            return self.word_proxy(span, place);
        }
        match hold.kind() {
            Kind::Nothing | Kind::Slot | Kind::Reader => {
                unreachable!("a claim on nothing needs no number")
            }
            Kind::Cell(taken) if self.core.cells.has(taken) => {
                self.watch_cell(taken.cell()).expect("a held claim is in its cell")
            }
            Kind::Cell(taken) => self.moved(span, taken),
            Kind::Claim(id) => id,
        }
    }

    pub(in crate::raw) fn word_proxy(&mut self, unit: Span, word: Place) -> ClaimId {
        self.registry().in_place(unit, word).expect("a watched slot has a proxy (I2)")
    }

    /// Removes the watches in `span` that are not needed any more: the watched claims conflict with
    /// no claim of the registry.
    pub(in crate::raw) fn unwatch_idle(&mut self, span: Span) {
        for proxy in self.registry().idle_proxies(span) {
            self.unwatch(proxy);
        }
    }

    fn unwatch(&mut self, proxy: ClaimId) {
        let place = self.registry().place(proxy);
        match place {
            Place::Slot | Place::Reader(_) => {
                let slot = self.lock.word(place, self.registry().span(proxy).start());
                // ORDERING: Relaxed: a watched word changes under the mutex only.
                let word = Word::from_bits(slot.load(Ordering::Relaxed));
                // ORDERING: Release. A reader that joins happens after the readers that left while
                // the slot was watched; the mutex has ordered us after them. A claim that finds
                // that it is not watched any more happens after the claims for which it was.
                slot.store(word.unwatched().bits(), Ordering::Release);
            }
            Place::Cell(cell) => {
                // ORDERING: Release: a claim that checks whether it is watched, and is not any
                // more, happens after the claims for which it was. Relaxed would be enough for the
                // claim in the cell itself.
                let before = self.core.summary.fetch_and(!Summary::watch(cell), Ordering::Release);
                if !Summary::from_bits(before).uses(cell) {
                    // The thread that has released it saw the watch, waits for the mutex, and
                    // expects the proxy.
                    return;
                }
                self.protected.proxies[cell as usize] = None;
            }
            Place::Board(_) | Place::Unlisted | Place::Moved(_) | Place::Nowhere => return,
        }
        self.protected.registry.remove(proxy, &mut self.wakes.affected);
    }
}

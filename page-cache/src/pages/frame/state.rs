//! `State`: the word of a frame, for everything on which operations without a common lock must
//! agree.
//!
//! | field | meaning | set by | cleared by |
//! | --- | --- | --- | --- |
//! | `LOCKED` | the page lock | the thread that locks the page | the same |
//! | `WAITERS` | a thread is parked on the frame | the thread, before it parks | unlock, end of writeback |
//! | `LATCHED` | a thread writes the bytes, or is about to, or waits for readers to leave | a write, a fill, a store to a mapping, an unmapping, an eviction | the same |
//! | `UPTODATE` | every byte is valid | fill and commit, under the page lock | retirement; an eviction, before retirement; a write-through that failed, before it completes |
//! | `DIRTY` | newer than the store | writes and write faults, under the page lock; a failed writeback | writeback; an operation that zeroes all dirty bytes of the page; retirement |
//! | `WRITEBACK` | a request that sends bytes of the page to the store has not completed | writeback and write-through, under the page lock | the completion of that request, without the page lock |
//! | `REFERENCED` | used since eviction examined it | any use | eviction |
//! | `MAPPED` | some page table may have an entry | fault, under the page lock | unmapping, under the page lock |
//! | `LINKED` | in the index, or about to be | the thread that assigns the frame | retirement |
//! | `RETIRED` | out of the index, kept by pins only | retirement | the last pin |
//! | `GUARDED` | the latch is held or waited for, for as long as a user's guard exists | an exclusive guard; a holder of the latch, before it waits for shared guards | the same |
//! | `HOT` | readers and shared guards may be counted in readers' words instead of here: see `readers` | a reader | the next thread that sets `LATCHED`, once it has counted them here |
//! | readers | threads that copy the bytes out | each reader | the same |
//! | guards | shared guards: readers that stay, and pin the page | each guard | the same |
//! | pins | references that keep the frame from being recycled | index, under its stripe | each pin's drop |
//!
//! Invariants. S1: while `LATCHED` is set and there are neither readers nor guards, its setter
//! alone touches the bytes; while there is a reader or a guard, no thread writes them. S2: no
//! reader and no guard enters unless `UPTODATE` is set and `LATCHED` is not; but a thread that has
//! a guard may enter once more. S3: a frame's key changes only while it is free, or latched and
//! drained. S4: the word of a free frame is zero, and stays zero until the frame is assigned to a
//! page. For a thread that has neither locked nor pinned a frame changes the frame's word only if
//! `LINKED` or `UPTODATE` is set, and no free frame has either. S5: an exclusive guard has `LOCKED`,
//! `LATCHED` and `GUARDED` set. S6: while `HOT` is set, the counts of readers and guards may be too low,
//! and no step that needs them to be zero is allowed; its setter clears `HOT` before it relies on them.
//!
//! `DIRTY` without `UPTODATE` is a page that was written in part and never read; which bytes are
//! dirty is kept by its file, beside the word. A linked and unlocked page with neither flag has no
//! known contents: no thread reads it, and reclaim evicts it.

use std::fmt;

use super::readers::MOST as MOST_IN_WORDS;

const LOCKED: u64 = 1 << 0;
const WAITERS: u64 = 1 << 1;
const LATCHED: u64 = 1 << 2;
const UPTODATE: u64 = 1 << 3;
const DIRTY: u64 = 1 << 4;
const WRITEBACK: u64 = 1 << 5;
const REFERENCED: u64 = 1 << 6;
const MAPPED: u64 = 1 << 7;
const RETIRED: u64 = 1 << 8;
const LINKED: u64 = 1 << 9;
const GUARDED: u64 = 1 << 10;
const HOT: u64 = 1 << 11;

const READER: u64 = 1 << 12;
const READERS: u64 = 0xfff << 12;
const GUARD: u64 = 1 << 24;
const GUARDS: u64 = 0xffff << 24;
const PIN: u64 = 1 << 40;
const PINS: u64 = 0xff_ffff << 40;

/// A count of readers or of guards that has its highest bit lets no more in: the rest is for those that `cool` adds.
const MANY_READERS: u64 = READERS & !(READERS >> 1);
const MANY_GUARDS: u64 = GUARDS & !(GUARDS >> 1);

const _: () = assert!(MANY_READERS / READER > MOST_IN_WORDS && MANY_GUARDS / GUARD > MOST_IN_WORDS);

const EXCLUSIVE: u64 = LOCKED | LATCHED | GUARDED;

/// The word; see the module's table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(pub(super) u64);

impl State {
    pub(super) const FREE: State = State(0);
    /// As a fresh frame is linked into the index: its maker has it locked.
    pub(super) const NEW: State = State(LOCKED | LINKED);
    pub(super) const ONE_READER: u64 = READER;
    pub(super) const ONE_GUARD: u64 = GUARD;
    /// The most shared guards that are let in.
    pub(crate) const MOST_GUARDS: u64 = MANY_GUARDS / GUARD;
    /// What leaves everything but the waiters.
    pub(super) const NO_WAITERS: u64 = !WAITERS;

    pub(crate) fn is_locked(self) -> bool {
        self.has(LOCKED)
    }

    pub(crate) fn is_uptodate(self) -> bool {
        self.has(UPTODATE)
    }

    pub(crate) fn is_dirty(self) -> bool {
        self.has(DIRTY)
    }

    pub(crate) fn in_writeback(self) -> bool {
        self.has(WRITEBACK)
    }

    pub(crate) fn is_clean(self) -> bool {
        !self.has(DIRTY) && !self.has(WRITEBACK)
    }

    pub(crate) fn is_mapped(self) -> bool {
        self.has(MAPPED)
    }

    #[cfg(test)]
    pub(crate) fn pins(self) -> u64 {
        (self.0 & PINS) / PIN
    }

    pub(super) fn has_waiters(self) -> bool {
        self.has(WAITERS)
    }

    pub(crate) fn is_latched(self) -> bool {
        self.has(LATCHED)
    }

    /// Whether there are neither readers nor guards.
    pub(super) fn is_drained(self) -> bool {
        self.0 & (READERS | GUARDS | HOT) == 0
    }

    pub(super) fn is_hot(self) -> bool {
        self.has(HOT)
    }

    pub(super) fn is_referenced(self) -> bool {
        self.has(REFERENCED)
    }

    /// Whether a reader may stay in a reader's word.
    pub(super) fn lets_readers_into_words(self) -> bool {
        self.0 & (UPTODATE | LATCHED | HOT) == UPTODATE | HOT
    }

    /// Whether there are shared guards.
    pub(super) fn is_shared(self) -> bool {
        self.0 & GUARDS != 0
    }

    /// Whether the latch may be held for as long as a user likes.
    pub(crate) fn is_guarded(self) -> bool {
        self.has(GUARDED)
    }

    pub(crate) fn is_pinned(self) -> bool {
        self.0 & (PINS | GUARDS) != 0
    }

    /// One more reader of the bytes.
    #[inline]
    pub(super) fn enter(self) -> Option<State> {
        let open = self.0 & (UPTODATE | LATCHED | MANY_READERS) == UPTODATE;
        open.then(|| State(self.0 + READER))
    }

    /// One more reader, which counts as a use of the page.
    #[inline]
    pub(super) fn enter_and_use(self) -> Option<State> {
        self.enter().map(|state| State(state.0 | REFERENCED))
    }

    /// As `enter_and_use`, of a page that is not hot.
    #[inline]
    pub(super) fn enter_and_use_unless_hot(self) -> Option<State> {
        if self.is_hot() { None } else { self.enter_and_use() }
    }

    /// As `guard`, of a page that is not hot.
    #[inline]
    pub(super) fn guard_unless_hot(self) -> Option<State> {
        if self.is_hot() { None } else { self.guard() }
    }

    /// One more shared guard.
    #[inline]
    pub(super) fn guard(self) -> Option<State> {
        let open = self.0 & (UPTODATE | LATCHED | MANY_GUARDS) == UPTODATE;
        open.then_some(State((self.0 + GUARD) | REFERENCED))
    }

    /// Whether no more shared guards are let in, until one has left.
    pub(super) fn is_full_of_guards(self) -> bool {
        self.has(MANY_GUARDS)
    }

    /// One more shared guard, for a thread that has one already: the holder of the latch waits for that one.
    pub(super) fn guard_once_more(self) -> Option<State> {
        debug_assert!(self.is_shared());
        (!self.is_full_of_guards()).then_some(State(self.0 + GUARD))
    }

    /// An exclusive guard; readers and shared guards may still have to leave.
    #[inline]
    pub(super) fn guard_exclusively(self) -> Option<State> {
        let idle = self.0 & (UPTODATE | LOCKED | LATCHED | WRITEBACK) == UPTODATE;
        idle.then_some(State(self.0 | EXCLUSIVE | REFERENCED))
    }

    /// Like `guard_exclusively`, if there are no readers and no guards.
    #[inline]
    pub(super) fn guard_exclusively_at_once(self) -> Option<State> {
        if self.is_drained() { self.guard_exclusively() } else { None }
    }

    /// Without the exclusive guard.
    #[inline]
    pub(super) fn unguarded(self) -> State {
        State(self.0 & !(EXCLUSIVE | WAITERS))
    }

    /// With a shared guard in place of the exclusive one.
    pub(super) fn downgraded(self) -> State {
        State(self.unguarded().0 + GUARD)
    }

    /// With the holder of the latch about to wait for shared guards.
    pub(super) fn waits_for_guards(self) -> State {
        State((self.0 | GUARDED) & !WAITERS)
    }

    /// With that wait over.
    pub(super) fn waited_for_guards(self) -> State {
        State(self.0 & !GUARDED)
    }

    /// Whether the last shared guard is about to end, and a thread waits for that.
    #[inline]
    pub(super) fn frees_waiters_as_guard_leaves(self) -> bool {
        self.has(WAITERS) && self.0 & GUARDS == GUARD
    }

    /// A page that many threads read at the same time.
    pub(super) fn heated(self) -> Option<State> {
        (!self.is_latched()).then_some(State(self.0 | HOT))
    }

    /// With all readers and guards counted here.
    pub(super) fn cooled(self) -> State {
        State(self.0 & !(HOT | WAITERS))
    }

    /// The latch of a frame that is hot, and so not free.
    pub(super) fn latch_hot(self) -> Option<State> {
        if self.is_hot() { self.latch() } else { None }
    }

    /// With its use noted.
    pub(super) fn used(self) -> State {
        State(self.0 | REFERENCED)
    }

    /// The bytes' latch, for a writer; readers may still have to leave.
    #[inline]
    pub(super) fn latch(self) -> Option<State> {
        (!self.is_latched()).then_some(State(self.0 | LATCHED))
    }

    /// The same, if no thread has the latch.
    pub(super) fn unless_latched(self) -> Option<State> {
        (!self.is_latched()).then_some(self)
    }

    /// The latch, if there are no readers and no guards.
    pub(super) fn latch_at_once(self) -> Option<State> {
        if self.is_drained() { self.latch() } else { None }
    }

    /// The latch, for a store through a page table, whose entry may be stale: the frame may be
    /// free, and then is not to be touched.
    #[inline]
    pub(super) fn latch_mapped(self) -> Option<State> {
        if self.is_uptodate() { Some(State(self.latch()?.0 | REFERENCED)) } else { None }
    }

    /// As `latch_mapped`, where no reader has to leave first.
    pub(super) fn latch_mapped_at_once(self) -> Option<State> {
        if self.is_drained() { self.latch_mapped() } else { None }
    }

    /// Without the latch.
    #[inline]
    pub(super) fn unlatched(self) -> State {
        State(self.0 & !(LATCHED | WAITERS))
    }

    /// Without the latch, and with every byte valid.
    pub(super) fn filled(self) -> State {
        State((self.0 & !(LATCHED | WAITERS)) | UPTODATE)
    }

    /// Without the latch, and with no byte valid: the page cannot be read any more.
    pub(super) fn voided(self) -> State {
        State(self.0 & !(LATCHED | UPTODATE | WAITERS))
    }

    /// With no byte valid, also while a thread has the latch.
    pub(super) fn doubted(self) -> State {
        State(self.0 & !UPTODATE)
    }

    #[inline]
    pub(super) fn lock(self) -> Option<State> {
        (!self.is_locked()).then_some(State(self.0 | LOCKED))
    }

    /// Takes page lock and latch in one step, of a page for which a write need not wait.
    #[inline]
    pub(super) fn lock_and_latch(self) -> Option<State> {
        let busy = LOCKED | LATCHED | WRITEBACK | READERS | GUARDS | HOT;
        let idle = self.0 & (UPTODATE | busy) == UPTODATE;
        idle.then_some(State(self.0 | LOCKED | LATCHED | REFERENCED))
    }

    #[inline]
    pub(super) fn unlock(self) -> State {
        State(self.0 & !(LOCKED | WAITERS))
    }

    #[inline]
    pub(super) fn unlock_and_unlatch(self) -> State {
        State(self.0 & !(LOCKED | LATCHED | WAITERS))
    }

    /// Takes the page lock of a page that can be evicted without waiting.
    pub(super) fn lock_for_eviction(self) -> Option<State> {
        let busy = LOCKED | LATCHED | DIRTY | WRITEBACK | READERS | GUARDS | PINS | HOT;
        let idle = self.0 & (LINKED | busy) == LINKED;
        idle.then_some(State(self.0 | LOCKED))
    }

    /// With the mark of a use cleared, if it is set: eviction then passes over the page once.
    pub(super) fn pass_over(self) -> Option<State> {
        self.has(REFERENCED).then_some(State(self.0 & !REFERENCED))
    }

    pub(super) fn announce_waiter(self) -> State {
        State(self.0 | WAITERS)
    }

    pub(super) fn dirtied(self) -> State {
        State(self.0 | DIRTY)
    }

    pub(super) fn cleaned(self) -> State {
        State(self.0 & !DIRTY)
    }

    pub(super) fn mapped(self) -> State {
        State(self.0 | MAPPED)
    }

    pub(super) fn unmapped(self) -> State {
        State(self.0 & !MAPPED)
    }

    pub(super) fn writeback_begun(self) -> State {
        State((self.0 & !DIRTY) | WRITEBACK)
    }

    /// A part of it in flight: the other dirty bytes stay dirty.
    pub(super) fn write_through_begun(self) -> State {
        State(self.0 | WRITEBACK)
    }

    pub(super) fn writeback_ended(self) -> State {
        State(self.0 & !(WRITEBACK | WAITERS))
    }

    pub(super) fn pinned(self) -> State {
        State(self.0 + PIN)
    }

    /// Whether the page could be evicted if it were written back.
    pub(crate) fn waits_for_pageout(self) -> bool {
        let busy = WRITEBACK | GUARDED | PINS | GUARDS;
        self.0 & (LINKED | DIRTY | busy) == LINKED | DIRTY
    }

    /// One pin less; a retired frame is free with the last.
    pub(super) fn unpinned(self) -> State {
        let left = State(self.0 - PIN);
        if self.is_freed_by_unpinning() { State::FREE } else { left }
    }

    /// Whether the next pin to go is the last of a retired frame.
    pub(super) fn is_freed_by_unpinning(self) -> bool {
        self.has(RETIRED) && self.0 & PINS == PIN
    }

    /// Out of the index, unlocked, and free unless it is pinned.
    pub(super) fn retired(self) -> State {
        if self.is_pinned() { State((self.0 & PINS) | RETIRED) } else { State::FREE }
    }

    fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (LOCKED, "locked"),
            (WAITERS, "waiters"),
            (LATCHED, "latched"),
            (UPTODATE, "uptodate"),
            (DIRTY, "dirty"),
            (WRITEBACK, "writeback"),
            (REFERENCED, "referenced"),
            (MAPPED, "mapped"),
            (LINKED, "linked"),
            (RETIRED, "retired"),
            (GUARDED, "guarded"),
            (HOT, "hot"),
        ];
        let set = names.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| name);
        f.debug_set().entries(set).finish()?;
        let (readers, guards) = ((self.0 & READERS) / READER, (self.0 & GUARDS) / GUARD);
        write!(f, " readers {readers} guards {guards} pins {}", (self.0 & PINS) / PIN)
    }
}

#[cfg(test)]
mod tests;

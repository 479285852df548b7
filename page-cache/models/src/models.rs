//! A cache of a few frames without files, as the models use it. Each model runs in every order of its threads' steps,
//! and with every value that the memory model lets an atomic load return.
//!
//! The bytes of a frame are one cell that loom watches: it reports every access that no ordering separates from
//! another.

mod guards;
mod hot;
mod mapped;
mod parking;
mod reads;
mod writes;

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;

use crate::page::{Key, PageSize};
use crate::pages::frame::{Frame, Frames, LockedPage};
use crate::pages::index::{Found, Index};

/// Runs a model in all orders with at most so many preemptions.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(preemptions));
    builder.max_branches = 100_000;
    builder.check(model);
}

/// The page of a number, of a file whose number is one greater: no two have a bucket or a guess in common.
fn page(number: u64) -> Key {
    Key { file: number + 1, page: number }
}

struct Cache {
    frames: Frames,
    index: Index,
    /// What stands for the bytes of each frame.
    bytes: Box<[UnsafeCell<u64>]>,
}

impl Cache {
    fn new(frames: u32) -> Arc<Cache> {
        Arc::new(Cache {
            frames: Frames::new(frames, PageSize::DEFAULT),
            index: Index::new(frames),
            bytes: (0..frames).map(|_| UnsafeCell::new(0)).collect(),
        })
    }

    /// Brings a page in, if there is a free frame and the page is not cached; whether it did.
    fn make(&self, key: Key, bytes: u64) -> bool {
        let mut free = self.frames.take_free();
        let Found::Made(page) = self.index.find_or_insert(&self.frames, key, &mut free) else {
            return false;
        };
        self.fill(&page, bytes);
        true
    }

    fn fill(&self, page: &LockedPage<'_>, bytes: u64) {
        let latch = page.latch();
        self.write(page.frame(), bytes);
        latch.commit();
    }

    /// As `Inode::read_hit`: a read without a claim.
    fn read(&self, key: Key) -> Option<u64> {
        let frame = self.index.peek(&self.frames, key)?;
        let latch = frame.read(&self.frames)?;
        (latch.key() == key).then(|| self.see(frame))
    }

    /// Evicts a page, if that is possible without waiting, as `Pool::take_out_unpinned`; whether it was.
    fn evict(&self, key: Key) -> bool {
        let Some(frame) = self.index.peek(&self.frames, key) else { return false };
        let Some(page) = LockedPage::try_for_eviction(&self.frames, frame) else { return false };
        if page.key() != key {
            return false;
        }
        let Some(latch) = page.try_latch() else { return false };
        if page.state().is_mapped() {
            page.frame().entries.unmap_all();
            page.clear_mapped();
        }
        let out = self.index.remove_unpinned(&self.frames, &page, || latch.void());
        if out {
            drop(page.retire());
        }
        out
    }

    /// Removes a page that is cached, as `Inode::take_out`.
    fn take_out(&self, key: Key) {
        let page = self.index.find(&self.frames, key).unwrap().lock();
        page.doubt();
        self.index.remove(&self.frames, &page);
        drop(page.retire());
    }

    /// The bytes of a frame whose latch the caller has.
    fn see(&self, frame: &Frame) -> u64 {
        // SAFETY: loom reports a thread that writes meanwhile.
        self.bytes[frame.id() as usize].with(|bytes| unsafe { *bytes })
    }

    fn write(&self, frame: &Frame, to: u64) {
        // SAFETY: loom reports any other access meanwhile.
        self.bytes[frame.id() as usize].with_mut(|bytes| unsafe { *bytes = to });
    }
}

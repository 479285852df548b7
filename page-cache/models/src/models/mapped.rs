//! Accesses through page tables: the thread looks an entry up, latches the frame, and looks again. Meanwhile the entry
//! is taken away, or the frame is reused.

use loom::thread;

use super::{Cache, explore, page};
use crate::page::Key;
use crate::pages::page_table::{MappingId, Rights};

fn mapping() -> MappingId {
    MappingId::new(1)
}

impl Cache {
    fn map(&self, key: Key, rights: Rights) {
        let page = self.index.find(&self.frames, key).unwrap().lock();
        if rights == Rights::ReadWrite {
            page.set_dirty();
        }
        page.set_mapped();
        page.frame().entries.map(mapping(), rights);
    }

    /// As `Mapping::load_mapped`.
    fn load(&self, key: Key) -> Option<u64> {
        let frame = self.index.peek(&self.frames, key)?;
        if !frame.entries.allow(mapping(), Rights::Read) {
            return None;
        }
        let latch = frame.read(&self.frames)?;
        let is_allowed =
            latch.key().page == key.page && frame.entries.allow(mapping(), Rights::Read);
        is_allowed.then(|| self.see(frame))
    }

    /// As `Mapping::store_mapped`.
    fn store(&self, key: Key, bytes: u64) -> bool {
        let Some(frame) = self.index.peek(&self.frames, key) else { return false };
        if !frame.entries.allow(mapping(), Rights::ReadWrite) {
            return false;
        }
        let is_allowed =
            || frame.key().page == key.page && frame.entries.allow(mapping(), Rights::ReadWrite);
        match frame.write_mapped(&self.frames, is_allowed) {
            Some(_latch) if is_allowed() => {
                self.write(frame, bytes);
                true
            }
            _ => false,
        }
    }

    /// As `pool::unmap`, and what an operation then does to the bytes.
    fn unmap_and_change(&self, key: Key, bytes: u64) {
        let page = self.index.find(&self.frames, key).unwrap().lock();
        page.frame().entries.unmap_all();
        drop(page.latch());
        page.clear_mapped();
        self.see(page.frame());
        self.fill(&page, bytes);
    }
}

#[test]
fn a_load_sees_no_byte_of_the_page_for_which_its_frame_is_reused() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::Read);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || cache.evict(page(1)) && cache.make(page(2), 2))
        };
        assert!([None, Some(1)].contains(&cache.load(page(1))));
        let reused = reuses.join().unwrap();
        assert_eq!(cache.load(page(1)), (!reused).then_some(1));
    });
}

/// The mapping has the page that the frame is reused for, too: only the key tells them apart.
#[test]
fn a_load_sees_no_byte_of_another_page_of_the_mapping() {
    explore(3, || {
        let cache = Cache::new(1);
        let [one, two] = [0, 1].map(|page| Key { file: 1, page });
        cache.make(one, 1);
        cache.map(one, Rights::Read);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || {
                if cache.evict(one) && cache.make(two, 2) {
                    cache.map(two, Rights::Read);
                }
            })
        };
        let seen = cache.load(one);
        assert!([None, Some(1)].contains(&seen), "{seen:?}");
        reuses.join().unwrap();
    });
}

#[test]
fn a_store_changes_no_other_page_of_the_mapping() {
    explore(3, || {
        let cache = Cache::new(1);
        let [one, two] = [0, 1].map(|page| Key { file: 1, page });
        cache.make(one, 1);
        // Not dirty, so that the page can be evicted, as after a writeback.
        let page = cache.index.find(&cache.frames, one).unwrap().lock();
        page.set_mapped();
        page.frame().entries.map(mapping(), Rights::ReadWrite);
        drop(page);
        let reuses = {
            let cache = cache.clone();
            thread::spawn(move || {
                let reused = cache.evict(one) && cache.make(two, 2);
                if reused {
                    cache.map(two, Rights::ReadWrite);
                }
                reused
            })
        };
        cache.store(one, 3);
        if reuses.join().unwrap() {
            assert_eq!(cache.read(two), Some(2));
        }
    });
}

/// An operation that has unmapped a page may change it: no load through the entry sees that, and no store comes after
/// it.
#[test]
fn a_load_is_over_when_the_page_is_unmapped() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::Read);
        let loads = {
            let cache = cache.clone();
            thread::spawn(move || cache.load(page(1)))
        };
        cache.unmap_and_change(page(1), 2);
        assert!([None, Some(1)].contains(&loads.join().unwrap()));
    });
}

#[test]
fn a_store_is_over_when_the_page_is_unmapped() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::ReadWrite);
        let stores = {
            let cache = cache.clone();
            thread::spawn(move || cache.store(page(1), 3))
        };
        cache.unmap_and_change(page(1), 2);
        stores.join().unwrap();
        assert_eq!(cache.read(page(1)), Some(2));
    });
}

/// What writeback sends is all that was stored while the page was dirty.
#[test]
fn a_store_is_over_when_the_right_to_store_is_removed() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::ReadWrite);
        let stores = {
            let cache = cache.clone();
            thread::spawn(move || cache.store(page(1), 3))
        };
        let sent = {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            page.frame().entries.write_protect();
            page.pass_stores();
            cache.see(page.frame())
        };
        let stored = stores.join().unwrap();
        assert_eq!(sent, if stored { 3 } else { 1 });
        assert_eq!(cache.read(page(1)), Some(sent));
    });
}

/// The same where it must not wait for guards.
#[test]
fn a_store_is_over_when_the_right_to_store_is_removed_without_waiting_for_guards() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::ReadWrite);
        let stores = {
            let cache = cache.clone();
            thread::spawn(move || cache.store(page(1), 3))
        };
        let sent = {
            let page = cache.index.find(&cache.frames, page(1)).unwrap().lock();
            page.frame().entries.write_protect();
            assert!(page.pass_stores_unless_guarded());
            cache.see(page.frame())
        };
        let stored = stores.join().unwrap();
        assert_eq!(sent, if stored { 3 } else { 1 });
        assert_eq!(cache.read(page(1)), Some(sent));
    });
}

#[test]
fn a_store_waits_for_a_reader() {
    explore(3, || {
        let cache = Cache::new(1);
        cache.make(page(1), 1);
        cache.map(page(1), Rights::ReadWrite);
        let reads = {
            let cache = cache.clone();
            thread::spawn(move || cache.read(page(1)))
        };
        assert!(cache.store(page(1), 2));
        assert!(reads.join().unwrap().is_some_and(|bytes| [1, 2].contains(&bytes)));
    });
}

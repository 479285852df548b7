//! The tree: a B+-tree in the pages of a cached file, for any number of threads.
//!
//! *Descent.* By crabbing: the guard of a node is taken before that of its parent is dropped,
//! shared down to the leaf. A change takes the leaf exclusively. If that is full, the change
//! begins again with the meta page held exclusively, so that one thread at a time splits nodes, and
//! with the nodes that will be split.
//!
//! *Write ahead.* A change is one record of the log, of all pages that it touches. It is appended
//! while their guards are held, so no page has a change that is not in the log, and the log has the
//! changes of each page in their order. The page's tag is the record's position; the hook before
//! writeback makes the log durable up to it.
//!
//! *Torn pages.* The first record of a page since the last checkpoint began has all of the page, so
//! recovery reads no page that may be torn.
//!
//! *Retries.* A thread that has guards does not wait for what others may have while they wait for
//! guards: it gets `WouldBlock`. It drops its guards, requests the page without them, and begins again.

// `comparison` includes this file by its path, where `split` alone would be looked for beside it.
#[path = "tree/split.rs"]
mod split;

use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, RwLock};

use spanlock_page_cache::{File, FileOptions, PAGE_SIZE, PageCache, PageMut, PageRef, Store};

use crate::checksum::Checksums;
use crate::edit::{Edit, Edited};
use crate::log::Log;
use crate::node::{Key, Kind, Node, Value, read_u64, write_u64};
use crate::steps::{Logged, whole_page};

const PAGE: u64 = PAGE_SIZE as u64;

/// The page that says where the root is, how high the tree is, and which page is free next.
const META: u64 = 0;
const META_KIND: u8 = 3;
const ROOT_AT: usize = 16;
const HEIGHT_AT: usize = 24;
const NEXT_AT: usize = 32;

/// The number of pages by which the file grows.
const GROWTH: u64 = 256;

/// An upper bound for the new pages of one change.
const MOST_NEW: u64 = 32;

pub struct Tree {
    data: File,
    log: Arc<Log>,
    /// From where recovery will begin: a page that was last changed before is logged as a whole.
    redo: RwLock<u64>,
    checkpoints: Mutex<()>,
}

/// Why something was not done.
enum Failed {
    /// Held guards prevented access to a page.
    Again(u64),
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}

impl Tree {
    /// Opens a tree, and recovers it; also returns how many records of the log were replayed.
    pub fn open(
        cache: &PageCache,
        data: impl Store + 'static,
        log: impl Store + 'static,
    ) -> io::Result<(Tree, u64)> {
        // It leaves the cache when it is synced, not before: so a rule that is broken shows.
        let log = cache.open_with(log, FileOptions::new().no_steal())?;
        let (log, redo) = Log::open(log)?;
        let log = Arc::new(log);
        let own_log = Arc::clone(&log);
        let options = FileOptions::new().transform(Checksums).before_writeback(move |pages| {
            own_log.sync_to(pages.iter().map(|page| page.newest_tag).max().unwrap_or(0))
        });
        let data = cache.open_with(data, options)?;
        let (redo, checkpoints) = (RwLock::new(redo), Mutex::default());
        let tree = Tree { data, log, redo, checkpoints };
        let from = *tree.redo.read().unwrap();
        let replayed = tree.log.replay(from, |position, changes| tree.redo(position, changes))?;
        tree.format_if_fresh()?;
        tree.checkpoint()?;
        Ok((tree, replayed))
    }

    fn redo(&self, position: u64, mut record: &[u8]) -> io::Result<()> {
        while let Some(logged) = Logged::take(&mut record) {
            let number = logged.page;
            self.reach(number)?;
            if let Some(bytes) = logged.whole() {
                // The page as it is stored may be torn, so it is not read.
                let page = whole_page(position, bytes);
                self.data.write_all_at_tagged(&page, number * PAGE, position)?;
                continue;
            }
            let mut page = self.data.page_mut(number)?;
            // What was done already is not done again.
            if read_u64(&page, 0) < position {
                logged.redo(&mut page);
                write_u64(&mut page, 0, position);
                page.set_tag(position);
            }
        }
        Ok(())
    }

    /// Lets the file be long enough for a page.
    fn reach(&self, number: u64) -> io::Result<()> {
        let wanted = (number / GROWTH + 1) * GROWTH * PAGE;
        if self.data.len() < wanted { self.data.set_len(wanted) } else { Ok(()) }
    }

    fn format_if_fresh(&self) -> io::Result<()> {
        self.reach(MOST_NEW)?;
        if self.data.page(META)?[8] == META_KIND {
            return Ok(());
        }
        let mut edit = Edit::default();
        for page in self.data.pages_mut([META, 1])? {
            edit.add(page);
        }
        let mut meta = edit.pages[0].noted();
        meta.write(8, &[META_KIND]);
        meta.write_u64(ROOT_AT, 1);
        meta.write_u64(HEIGHT_AT, 1);
        meta.write_u64(NEXT_AT, 2);
        edit.node(1).format(Kind::Leaf, 0);
        let position = self.commit(edit)?;
        self.log.sync_to(position)
    }

    /// Logs a change, and ends it; returns its position in the log.
    fn commit(&self, mut edit: Edit<'_>) -> io::Result<u64> {
        let redo = self.redo.read().unwrap();
        let mut record = Log::record();
        edit.pages.iter().for_each(|edited| edited.log(*redo, &mut record));
        match self.log.append(record) {
            Ok(position) => {
                for Edited { page, .. } in &mut edit.pages {
                    write_u64(page, 0, position);
                    page.set_tag(position);
                }
                Ok(position)
            }
            Err(error) => {
                for Edited { page, before, .. } in &mut edit.pages {
                    page.copy_from_slice(before);
                }
                Err(error)
            }
        }
    }

    /// Makes durable whatever was returned as a position by then.
    pub fn sync_to(&self, position: u64) -> io::Result<()> {
        self.log.sync_to(position)
    }

    /// A fuzzy checkpoint: recovery begins behind the records that are in the log now. Changes continue meanwhile.
    pub fn checkpoint(&self) -> io::Result<()> {
        let _one = self.checkpoints.lock().unwrap();
        // A thread that appends to the log has guarded its pages before, and they are counted as
        // dirty.
        let redo = {
            let mut redo = self.redo.write().unwrap();
            *redo = self.log.end();
            *redo
        };
        self.data.sync_up_to(redo)?;
        self.log.begin_at(redo)
    }

    pub fn get(&self, key: Key) -> io::Result<Option<Value>> {
        self.retrying(|| {
            let leaf = self.leaf(key)?;
            let node = Node(&leaf);
            Ok(node.search(key).ok().map(|index| node.value(index)))
        })
    }

    /// Puts a value; returns the position in the log up to which it has to be durable.
    pub fn put(&self, key: Key, value: &Value) -> io::Result<u64> {
        self.retrying(|| {
            let leaf = self.leaf_mut(key)?;
            if Node(&leaf).is_full() && Node(&leaf).search(key).is_err() {
                drop(leaf);
                return self.put_splitting(key, value);
            }
            let mut edit = Edit::default();
            edit.add(leaf);
            edit.node(0).put(key, value);
            Ok(self.commit(edit)?)
        })
    }

    /// Removes a key; returns the position as for `put`, if it was there.
    pub fn remove(&self, key: Key) -> io::Result<Option<u64>> {
        self.retrying(|| {
            let leaf = self.leaf_mut(key)?;
            let Ok(index) = Node(&leaf).search(key) else { return Ok(None) };
            let mut edit = Edit::default();
            edit.add(leaf);
            edit.node(0).remove(index);
            Ok(Some(self.commit(edit)?))
        })
    }

    /// Calls `visit` for the entries from a key on, in order, as long as it says so.
    pub fn scan(
        &self,
        from: Key,
        mut visit: impl FnMut(Key, Value) -> std::ops::ControlFlow<()>,
    ) -> io::Result<()> {
        let mut next = Some(from);
        while let Some(from) = next {
            next = self.retrying(|| {
                let mut leaf = self.leaf(from)?;
                let mut first = Node(&leaf).search(from).unwrap_or_else(|index| index);
                let mut seen = from;
                loop {
                    let node = Node(&leaf);
                    for index in first..node.len() {
                        seen = node.key(index);
                        if visit(seen, node.value(index)).is_break() {
                            return Ok(None);
                        }
                    }
                    match node.link() {
                        0 => return Ok(None),
                        link => match self.page(link) {
                            Ok(right) => leaf = right,
                            // From behind the last that was visited.
                            Err(Failed::Again(number)) => {
                                drop(leaf);
                                self.bring_in(number)?;
                                return Ok(seen.checked_add(1));
                            }
                            Err(error) => return Err(error),
                        },
                    }
                    first = 0;
                }
            })?;
        }
        Ok(())
    }

    fn retrying<T>(&self, mut attempt: impl FnMut() -> Result<T, Failed>) -> io::Result<T> {
        loop {
            match attempt() {
                Ok(done) => return Ok(done),
                Err(Failed::Again(number)) => self.bring_in(number)?,
                Err(Failed::Io(error)) => return Err(error),
            }
        }
    }

    /// Reads a page, and writes others back so that it may become dirty. The thread has no guards.
    fn bring_in(&self, number: u64) -> io::Result<()> {
        self.data.page_mut(number).map(drop)
    }

    fn page(&self, number: u64) -> Result<PageRef<'_>, Failed> {
        self.data.page(number).map_err(|error| again(error, number))
    }

    fn page_mut(&self, number: u64) -> Result<PageMut<'_>, Failed> {
        self.data.page_mut(number).map_err(|error| again(error, number))
    }

    /// The node above the leaf of a key, if the root is not the leaf, and the leaf's number.
    fn above_leaf(&self, key: Key) -> Result<(PageRef<'_>, u64), Failed> {
        let mut above = self.page(META)?;
        let (mut child, height) = (read_u64(&above, ROOT_AT), read_u64(&above, HEIGHT_AT));
        for _ in 1..height {
            above = self.page(child)?;
            child = Node(&above).child_of(key);
        }
        Ok((above, child))
    }

    fn leaf(&self, key: Key) -> Result<PageRef<'_>, Failed> {
        let (_above, leaf) = self.above_leaf(key)?;
        self.page(leaf)
    }

    fn leaf_mut(&self, key: Key) -> Result<PageMut<'_>, Failed> {
        let (_above, leaf) = self.above_leaf(key)?;
        self.page_mut(leaf)
    }

    /// Checks the structure of the tree, and returns the number of keys. No thread changes it
    /// meanwhile.
    pub fn check(&self) -> io::Result<u64> {
        let (root, height) = {
            let meta = self.data.page(META)?;
            (read_u64(&meta, ROOT_AT), read_u64(&meta, HEIGHT_AT))
        };
        let mut leaves = Vec::new();
        let count = self.check_below(root, height, (0, u64::MAX), &mut leaves)?;
        for pair in leaves.windows(2) {
            assert_eq!(Node(&self.data.page(pair[0])?).link(), pair[1], "the chain of leaves");
        }
        let last = *leaves.last().expect("a tree has a leaf");
        assert_eq!(Node(&self.data.page(last)?).link(), 0, "the end of the chain of leaves");
        Ok(count)
    }

    fn check_below(
        &self,
        number: u64,
        height: u64,
        (low, high): (Key, Key),
        leaves: &mut Vec<u64>,
    ) -> io::Result<u64> {
        let page = self.data.page(number)?.to_vec();
        let node = Node(&page);
        let kind = if height == 1 { Kind::Leaf } else { Kind::Inner };
        assert_eq!(node.kind(), Some(kind), "page {number}");
        let keys: Vec<Key> = (0..node.len()).map(|index| node.key(index)).collect();
        assert!(keys.is_sorted() && keys.iter().all(|&key| low <= key && key <= high), "{keys:?}");
        if kind == Kind::Leaf {
            leaves.push(number);
            return Ok(keys.len() as u64);
        }
        let mut count = 0;
        for place in 0..=keys.len() {
            let low = if place == 0 { low } else { keys[place - 1] };
            let high = keys.get(place).map_or(high, |&key| key - 1);
            count += self.check_below(node.child(place), height - 1, (low, high), leaves)?;
        }
        Ok(count)
    }
}

fn again(error: io::Error, number: u64) -> Failed {
    match error.kind() {
        ErrorKind::WouldBlock => Failed::Again(number),
        _ => Failed::Io(error),
    }
}

//! The tree: a B+-tree in the pages of a cached file, for any number of threads.
//!
//! *Descent.* By lock coupling: the guard of a node is acquired before the guard of its parent is dropped.
//! The guards are shared, except that a change acquires the leaf exclusively. If the leaf is full, the
//! change starts again with exclusive guards of the meta page, so that one thread at a time splits
//! nodes, and of the nodes that will be split.
//!
//! *Write ahead.* A change is one record of the log, for all pages that it touches. The record is appended
//! while their guards are held. So no other thread finds a change that is not in the log, and the log has
//! the changes of each page in order. The tag of a page is the record's position; the hook before
//! writeback makes the log durable up to this position.
//!
//! *Torn pages.* The first record of a page after the last checkpoint began contains all of the page, so
//! recovery reads no page that may be torn.
//!
//! *Retries.* A thread that has guards and would have to wait for other than guards or a store gets
//! `WouldBlock`. It drops its guards, requests the page without them, and starts again.

// The package `comparison` includes this file by its path, and would look for `split.rs` beside it.
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

/// The page with the number of the root, the height of the tree, and the number of the next unused page.
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
    /// Where recovery begins. A page whose last change is before this is logged as a whole.
    redo: RwLock<u64>,
    checkpoints: Mutex<()>,
}

/// Why an attempt failed.
enum Failed {
    /// The page with this number was not available to a thread that holds guards.
    Again(u64),
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}

impl Tree {
    /// Opens a tree, and recovers it. Also returns how many records of the log were replayed.
    pub fn open(
        cache: &PageCache,
        data: impl Store + 'static,
        log: impl Store + 'static,
    ) -> io::Result<(Tree, u64)> {
        // Only a sync writes the log to its store. So if a page were written before its log record, a kill would show
        // it.
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
                // The page in the store may be torn, so it is not read.
                let page = whole_page(position, bytes);
                self.data.write_all_at_tagged(&page, number * PAGE, position)?;
                continue;
            }
            let mut page = self.data.page_mut(number)?;
            // A page that was written after this change has it already.
            if read_u64(&page, 0) < position {
                logged.redo(&mut page);
                write_u64(&mut page, 0, position);
                page.set_tag(position);
            }
        }
        Ok(())
    }

    /// Extends the file so that it has a page.
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

    /// Logs a change, and ends it. Returns the position of its record.
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

    /// Makes all changes durable whose positions are not above this one.
    pub fn sync_to(&self, position: u64) -> io::Result<()> {
        self.log.sync_to(position)
    }

    /// A fuzzy checkpoint: from then on recovery begins after the records that are in the log now. Other threads may
    /// make changes meanwhile.
    pub fn checkpoint(&self) -> io::Result<()> {
        let _one = self.checkpoints.lock().unwrap();
        // Every record before this position is from a thread that had guards of its pages, which were counted as
        // dirty then. So the sync below includes them.
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

    /// Puts a value. Returns the position up to which the log must be durable for the value to be.
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

    /// Removes a key. Returns the position as `put` does, or `None` if the key was not there.
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

    /// Calls `visit` for the entries from a key on, in ascending order, until it returns `Break`.
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
                            // Continue after the last visited key.
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

    /// Reads a page, and writes others back if no more pages may be dirty. The thread must have no guards.
    fn bring_in(&self, number: u64) -> io::Result<()> {
        self.data.page_mut(number).map(drop)
    }

    fn page(&self, number: u64) -> Result<PageRef<'_>, Failed> {
        self.data.page(number).map_err(|error| again(error, number))
    }

    fn page_mut(&self, number: u64) -> Result<PageMut<'_>, Failed> {
        self.data.page_mut(number).map_err(|error| again(error, number))
    }

    /// The parent of the leaf of a key (the meta page, if the root is the leaf), and the leaf's number.
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

    /// Checks the structure of the tree, and returns the number of keys. No other thread may change the tree
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

//! A file that is closed and opened again, while other threads use it and other files.
//!
//! The users of the file are counted. A thread that reopens it admits no more users, waits until there
//! are none, drops the mappings, and closes what is then the last handle. Or it drops its handle
//! immediately: then a user or a mapping is the last to keep the file open. In both cases the file has been
//! closed when it is opened again.

mod requests;

use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::page_size::page_size;
use crate::stores::faults::{Faults, is_injected};
use crate::subject::Subject;
use crate::workload::COPIED;

/// How often an open is tried.
const TRIES: u32 = 1000;

/// How the handles of a file are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The last handle is closed, which reports what did not reach the store.
    Closed,
    /// All are dropped, in any order.
    Dropped,
    /// One handle is discarded; the last is closed. So nothing is lost.
    Discarded,
}

/// Opens a file.
pub type Open<S> = Box<dyn Fn() -> io::Result<S> + Send + Sync>;

/// The cache of a file.
pub struct Surroundings<S> {
    /// Opens another file in the cache.
    pub open_another: Open<S>,
    /// Syncs all files of the cache.
    pub sync: Box<dyn Fn() -> io::Result<()> + Send + Sync>,
}

/// A file, and how to open it again.
pub struct Reopenable<S: Subject> {
    shared: Arc<Shared<S>>,
}

/// A mapping of it, which is created again after the file was opened again.
pub struct ReopenableMapping<S: Subject> {
    shared: Arc<Shared<S>>,
    range: Range<u64>,
    cell: Arc<Cell<S>>,
}

type Cell<S> = Mutex<Option<<S as Subject>::Mapping>>;

struct Shared<S: Subject> {
    state: Mutex<State<S>>,
    changed: Condvar,
    open: Open<S>,
    /// The faults of the store, if it fails and yet loses nothing.
    faults: Option<Arc<Faults>>,
    cache: Option<Surroundings<S>>,
    another: Mutex<Another<S>>,
}

/// The other file of the cache, which threads copy to and from at once, each in a part of its own.
struct Another<S> {
    file: Option<Arc<S>>,
    /// The parts that no thread uses, and how many there are.
    idle: Vec<u64>,
    parts: u64,
}

struct State<S: Subject> {
    /// `None` while the file is being opened again, or if that failed.
    file: Option<Arc<S>>,
    failure: Option<String>,
    users: usize,
    mappings: Vec<Weak<Cell<S>>>,
}

/// A user of the file.
struct User<'a, S: Subject> {
    file: Option<Arc<S>>,
    shared: &'a Shared<S>,
}

impl<S: Subject> Reopenable<S> {
    /// The file that `open` opens, now and later, and what else is in its cache.
    pub fn new(
        open: impl Fn() -> io::Result<S> + Send + Sync + 'static,
        faults: Option<Arc<Faults>>,
        cache: Option<Surroundings<S>>,
    ) -> io::Result<Reopenable<S>> {
        let file = Some(Arc::new(open()?));
        let state = State { file, failure: None, users: 0, mappings: Vec::new() };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        let another = Mutex::new(Another { file: None, idle: Vec::new(), parts: 0 });
        let shared = Shared { state, changed, open: Box::new(open), faults, cache, another };
        Ok(Reopenable { shared: Arc::new(shared) })
    }

    /// Calls `work` with the file and, if there is one, another file of its cache, and where that file has a part for
    /// the bytes from `offset` on.
    fn with_another<T>(
        &self,
        offset: u64,
        work: impl FnOnce(&S, Option<(&S, u64)>) -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(cache) = &self.shared.cache else { return self.with(|file| work(file, None)) };
        let mut another = self.shared.another();
        let other = match &another.file {
            Some(other) => Arc::clone(other),
            None => Arc::clone(another.file.insert(Arc::new((cache.open_another)()?))),
        };
        let part = another.idle.pop().unwrap_or_else(|| {
            another.parts += 1;
            another.parts - 1
        });
        drop(another);
        let place = place_in_another(part, offset);
        let done = self.with(|file| work(file, Some((&other, place))));
        self.shared.another().idle.push(part);
        done
    }

    fn enter(&self) -> io::Result<User<'_, S>> {
        self.shared.enter()
    }

    /// Calls `work` with the file.
    fn with<T>(&self, work: impl FnOnce(&S) -> io::Result<T>) -> io::Result<T> {
        let user = self.enter()?;
        match &user.file {
            Some(file) => work(file),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl<S: Subject> Shared<S> {
    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn another(&self) -> MutexGuard<'_, Another<S>> {
        self.another.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the file is open, and uses it.
    fn enter(&self) -> io::Result<User<'_, S>> {
        let waited = self
            .changed
            .wait_while(self.state(), |state| state.file.is_none() && state.failure.is_none());
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &state.failure {
            return Err(io::Error::other(format!("could not be opened again: {failure}")));
        }
        state.users += 1;
        Ok(User { file: state.file.clone(), shared: self })
    }

    /// Waits until there are no users, and drops all mappings.
    fn empty(&self) {
        let waited = self.changed.wait_while(self.state(), |state| state.users > 0);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        let mappings = std::mem::take(&mut state.mappings);
        drop(state);
        for cell in mappings.iter().filter_map(Weak::upgrade) {
            drop(cell.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    fn publish(&self, opened: io::Result<Arc<S>>) {
        let mut state = self.state();
        match opened {
            Ok(file) => state.file = Some(file),
            Err(error) => state.failure = Some(error.to_string()),
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Drops all mappings, and returns what is then the last handle.
    fn last_handle(&self, file: Arc<S>) -> io::Result<S> {
        self.empty();
        Arc::into_inner(file).ok_or_else(|| {
            self.publish(Err(io::Error::other("another handle kept the file open")));
            io::Error::other("another handle kept the file open")
        })
    }

    fn open_again(&self) -> io::Result<()> {
        let opened = again(&self.open);
        let outcome =
            opened.as_ref().map(drop).map_err(|error| io::Error::other(error.to_string()));
        self.publish(opened.map(Arc::new));
        outcome
    }

    /// Writes to the synced file, and discards it with what was written.
    fn abandon(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let Some(file) = self.state().file.take() else { return Ok(()) };
        let file = self.last_handle(file)?;
        if let Err(error) = file.sync_all()
            && !(is_injected(&error) && self.settle(&file))
        {
            self.publish(Ok(Arc::new(file)));
            return Err(error);
        }
        let written = file.write_at(bytes, offset);
        file.discard_the_last();
        self.open_again()?;
        written.map(drop)
    }

    fn reopen(&self, how: Farewell) -> io::Result<()> {
        // A thread that finds another one reopening the file has nothing to do.
        let Some(file) = self.state().file.take() else { return Ok(()) };
        match how {
            Farewell::Dropped => {
                drop(file);
                self.empty();
            }
            Farewell::Closed | Farewell::Discarded => {
                if how == Farewell::Discarded {
                    file.discard_a_handle();
                }
                let file = self.last_handle(file)?;
                if let Err((file, error)) = file.close()
                    && !(is_injected(&error) && self.settle(&file))
                {
                    self.publish(Ok(Arc::new(file)));
                    return Err(error);
                }
            }
        }
        self.open_again()
    }

    /// Makes the store contain all of a file that could not be closed, if the store loses nothing that it has received.
    fn settle(&self, file: &S) -> bool {
        let Some(faults) = &self.faults else { return false };
        faults.stop();
        let written = file.writeback(0..u64::MAX).is_ok();
        faults.start();
        written
    }
}

/// Repeats an open until it does not fail by an injected fault.
fn again<S>(open: &dyn Fn() -> io::Result<S>) -> io::Result<S> {
    for _ in 1..TRIES {
        match open() {
            Err(error) if is_injected(&error) => {}
            result => return result,
        }
    }
    open()
}

impl<S: Subject> Drop for User<'_, S> {
    fn drop(&mut self) {
        // This may be the last handle: the file is closed before the user is subtracted.
        drop(self.file.take());
        let mut state = self.shared.state();
        state.users -= 1;
        let is_waited_for = state.users == 0 && state.file.is_none();
        drop(state);
        if is_waited_for {
            self.shared.changed.notify_all();
        }
    }
}

impl<S: Subject> ReopenableMapping<S> {
    /// Calls `work` with the mapping, which keeps the file open by itself.
    fn with(&self, work: impl FnOnce(&S::Mapping) -> io::Result<()>) -> io::Result<()> {
        let mut user = self.shared.enter()?;
        let mut cell = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        let mapping = match (&mut *cell, user.file.take()) {
            (Some(mapping), _) => mapping,
            (None, Some(file)) => {
                let mapping = cell.insert(file.map(self.range.clone())?);
                self.shared.state().mappings.push(Arc::downgrade(&self.cell));
                mapping
            }
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let done = work(mapping);
        drop(cell);
        drop(user);
        done
    }
}

/// Where bytes go in a part of another file: some pages away, and as far from the start of a page. Neighbouring parts
/// have a page in common only if what is copied ends within one.
fn place_in_another(part: u64, offset: u64) -> u64 {
    let page = page_size();
    let part = part * (COPIED.next_multiple_of(page) + 4 * page);
    part + offset % page + offset / page % 3 * page
}

#[cfg(test)]
mod tests;

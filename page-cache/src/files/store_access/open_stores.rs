//! A store with an identity is open once in a cache.
//!
//! Two files over one store would cache its pages separately, and not see each other's writes. So
//! opening a store that is open returns a handle of the existing file. Opening a store that is
//! being opened or closed waits until the last handle has written its dirty pages and the store has
//! been dropped. A file's registration is the last thing that is dropped. If the store does not
//! answer for some seconds, opening it fails.
//!
//! For a file whose pages were kept when it was closed, there is a record of its number, its pages and the version of
//! its store. A registration of this store finds the record. Only who has the registration adds, uses and removes it,
//! except that the eviction of its last page removes it too.

use std::any::Any;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};

use crate::files::store_access::answer_timeout::AnswerTimeout;
use crate::options::FileOptions;
use crate::order::leaf::lock_leaf;
use crate::order::nested::is_inside;
use crate::pages::frame::Frames;
use crate::pages::pool::{CachedPages, Pool};
use crate::sync::atomic::AtomicU64;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::{Identity, Version};

/// The open stores of a cache that have an identity, and those whose pages were kept.
pub(crate) struct OpenStores {
    stores: Mutex<Stores>,
    removed_or_opened: Condvar,
}

#[derive(Default)]
struct Stores {
    open: HashMap<Identity, OpenStore>,
    kept: HashMap<Identity, Kept>,
}

/// What is known of a closed file whose pages were kept.
#[derive(Clone)]
pub(crate) struct Kept {
    /// Its number.
    pub(crate) file: u64,
    pub(crate) pages: CachedPages,
    /// The version of the store to which the pages belong.
    pub(crate) version: Version,
}

struct OpenStore {
    /// Dangling before the store is open, and while it is being closed.
    handle: Weak<dyn Any + Send + Sync>,
    options: FileOptions,
    /// How the store was opened.
    mode: String,
    /// Changes whenever the store has answered.
    answers: Arc<AtomicU64>,
}

impl Kept {
    fn is_empty(&self) -> bool {
        lock_leaf(&self.pages).is_empty()
    }
}

/// What an open finds.
pub(crate) enum Opening {
    /// It is open.
    Open(Arc<dyn Any + Send + Sync>),
    /// It is not open, and cannot be opened elsewhere before the registration is dropped.
    Absent(Registration),
}

/// The record that a store is open, or is being opened or closed; removed when this is dropped.
pub(crate) struct Registration {
    stores: Arc<OpenStores>,
    identity: Identity,
    /// What was kept of the file when it was closed before.
    kept: Option<Kept>,
}

impl OpenStores {
    pub(crate) fn new() -> OpenStores {
        OpenStores { stores: Mutex::default(), removed_or_opened: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Stores> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a closed file whose last page was evicted, if it is recorded. If not, its store is being closed or opened.
    pub(crate) fn forget_if_empty(&self, identity: Identity, file: u64, pool: &Pool) {
        let mut stores = self.lock();
        let is_it = |kept: &Kept| kept.file == file && kept.is_empty();
        if stores.kept.get(&identity).is_some_and(is_it) {
            stores.kept.remove(&identity);
            // With the mutex held: once there is no record, the number may be that of an inode.
            pool.forget_owner(file);
        }
    }
}

/// Finds a store, or registers it. The caller holds nothing.
pub(crate) fn find_or_register(
    stores: &Arc<OpenStores>,
    identity: Identity,
    options: &FileOptions,
    mode: &str,
    frames: &Frames,
) -> io::Result<Opening> {
    let mut locked = stores.lock();
    let mut timeout: Option<AnswerTimeout> = None;
    while let Some(store) = locked.open.get(&identity) {
        if let Some(handle) = store.handle.upgrade() {
            let refused = refusal(store, options, mode);
            // Before the handle, which may be the last by now, and closes the file then.
            drop(locked);
            return match refused {
                None => Ok(Opening::Open(handle)),
                Some(message) => Err(busy(&message)),
            };
        }
        if is_inside(frames) {
            return Err(busy(
                "it is being opened or closed by an operation that may wait for this store",
            ));
        }
        // If another thread has opened it meanwhile, the time begins again.
        let begun = timeout.filter(|timeout| timeout.is_for(&store.answers));
        let mut going_on = begun.unwrap_or_else(|| AnswerTimeout::new(&store.answers));
        let Some(time) = going_on.next_wait() else {
            return Err(busy(
                "it is being opened or closed, and its store has not answered for 5 seconds",
            ));
        };
        timeout = Some(going_on);
        let waited = stores.removed_or_opened.wait_timeout(locked, time);
        locked = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let (handle, answers) = (Weak::<()>::new(), Arc::default());
    let store = OpenStore { handle, options: options.clone(), mode: mode.into(), answers };
    locked.open.insert(identity, store);
    let kept = locked.kept.get(&identity).cloned();
    Ok(Opening::Absent(Registration { stores: Arc::clone(stores), identity, kept }))
}

/// Why a store that is open cannot be opened again in this way, if so.
fn refusal(open: &OpenStore, options: &FileOptions, mode: &str) -> Option<String> {
    if let Some(option) = open.options.difference(options) {
        return Some(format!("it is open in this cache with another option for {option}"));
    }
    let message = || format!("it is open in this cache as {}, not as {mode}", open.mode);
    (open.mode != mode).then(message)
}

fn busy(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, message)
}

impl Registration {
    /// Makes later opens of the store return handles of this file.
    pub(crate) fn opened(&self, handle: &Arc<dyn Any + Send + Sync>, answers: &Arc<AtomicU64>) {
        if let Some(store) = self.stores.lock().open.get_mut(&self.identity) {
            store.handle = Arc::downgrade(handle);
            store.answers = Arc::clone(answers);
        }
        self.stores.removed_or_opened.notify_all();
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn stores(&self) -> Weak<OpenStores> {
        Arc::downgrade(&self.stores)
    }

    /// What was kept of the file when it was closed before.
    pub(crate) fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// Removes the record of what was kept.
    pub(crate) fn forget_kept(&self) {
        let removed = self.stores.lock().kept.remove(&self.identity);
        drop(removed);
    }

    /// Records what is kept of a file that is being closed, and is a closed file by now.
    pub(crate) fn keep(&self, kept: Kept, pool: &Pool) {
        let mut stores = self.stores.lock();
        if kept.is_empty() {
            // The last page was evicted before there was a record to remove.
            pool.forget_owner(kept.file);
        } else {
            stores.kept.insert(self.identity, kept);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let removed = self.stores.lock().open.remove(&self.identity);
        drop(removed);
        self.stores.removed_or_opened.notify_all();
    }
}

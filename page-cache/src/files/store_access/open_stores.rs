//! A store with an identity is open once in a cache.
//!
//! Two files over one store would cache its pages separately, and not see each other's writes. So
//! opening a store that is open returns a handle of the existing file. Opening a store that is
//! being opened or closed waits until the last handle has written its dirty pages and the store has
//! been dropped. A file's registration is the last thing that is dropped. If the store does not
//! answer for some seconds, opening it fails.

use std::any::Any;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};

use crate::files::store_access::answer_timeout::AnswerTimeout;
use crate::options::FileOptions;
use crate::order::nested::is_inside;
use crate::pages::frame::Frames;
use crate::store::identity::Identity;
use crate::sync::atomic::AtomicU64;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};

/// The open stores of a cache that have an identity.
pub(crate) struct OpenStores {
    stores: Mutex<HashMap<Identity, OpenStore>>,
    removed_or_opened: Condvar,
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
}

impl OpenStores {
    pub(crate) fn new() -> OpenStores {
        OpenStores { stores: Mutex::default(), removed_or_opened: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, OpenStore>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
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
    let mut open = stores.lock();
    let mut timeout: Option<AnswerTimeout> = None;
    while let Some(store) = open.get(&identity) {
        if let Some(handle) = store.handle.upgrade() {
            let refused = refusal(store, options, mode);
            // Before the handle, which may be the last by now, and closes the file then.
            drop(open);
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
        let waited = stores.removed_or_opened.wait_timeout(open, time);
        open = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    let (handle, answers) = (Weak::<()>::new(), Arc::default());
    let store = OpenStore { handle, options: options.clone(), mode: mode.into(), answers };
    open.insert(identity, store);
    Ok(Opening::Absent(Registration { stores: Arc::clone(stores), identity }))
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
        if let Some(store) = self.stores.lock().get_mut(&self.identity) {
            store.handle = Arc::downgrade(handle);
            store.answers = Arc::clone(answers);
        }
        self.stores.removed_or_opened.notify_all();
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let removed = self.stores.lock().remove(&self.identity);
        drop(removed);
        self.stores.removed_or_opened.notify_all();
    }
}

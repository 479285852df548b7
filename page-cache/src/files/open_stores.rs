//! A store that says which one it is is open once in a cache.
//!
//! Two files over one store would each have pages of it, and not see each other's writes. So whoever
//! opens a store that is open gets a handle of that file; and whoever opens one that is being opened,
//! or closed, waits: until the last handle has written what is dirty, and the store is gone. Its
//! registration goes last of all that the file has.

use std::any::Any;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Weak};

use crate::files::nested::is_inside;
use crate::options::FileOptions;
use crate::pages::frame::Frames;
use crate::store::identity::Identity;
use crate::sync::blocking::{Condvar, Mutex, MutexGuard, PoisonError};

/// The open stores of a cache that say which they are.
pub(crate) struct OpenStores {
    stores: Mutex<HashMap<Identity, OpenStore>>,
    removed_or_opened: Condvar,
}

struct OpenStore {
    /// Nobody's before the store is open, and when it is being closed.
    handle: Weak<dyn Any + Send + Sync>,
    options: FileOptions,
}

/// What whoever opens a store finds.
pub(crate) enum Found {
    /// It is open.
    Open(Arc<dyn Any + Send + Sync>),
    /// It is not, and nobody else opens it before the registration is dropped.
    Absent(Registration),
}

/// That a store is open, or being opened or closed.
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
    frames: &Frames,
) -> io::Result<Found> {
    let mut open = stores.lock();
    while let Some(store) = open.get(&identity) {
        if let Some(handle) = store.handle.upgrade() {
            let agree = store.options == *options;
            // Before the handle, which may be the last by now, and closes the file then.
            drop(open);
            return match agree {
                true => Ok(Found::Open(handle)),
                false => Err(busy("it is open in this cache, with other options")),
            };
        }
        if is_inside(frames) {
            return Err(busy("it is being opened or closed by who may wait for this very store"));
        }
        let waited = stores.removed_or_opened.wait(open);
        open = waited.unwrap_or_else(PoisonError::into_inner);
    }
    open.insert(identity, OpenStore { handle: Weak::<()>::new(), options: options.clone() });
    Ok(Found::Absent(Registration { stores: Arc::clone(stores), identity }))
}

fn busy(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, message)
}

impl Registration {
    /// Has those who open the store from here on get handles of this file.
    pub(crate) fn opened(&self, handle: &Arc<dyn Any + Send + Sync>) {
        if let Some(store) = self.stores.lock().get_mut(&self.identity) {
            store.handle = Arc::downgrade(handle);
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

//! A page that was loaded for an asynchronous task, and stays cached until the task is polled.

use std::io;
use std::sync::Arc;

use crate::files::handle::Handle;
use crate::pages::frame::DetachedPin;

/// Keeps a page in the cache, as [`PagePin`](crate::PagePin) does, but is not counted with the pins of users.
pub(crate) struct TaskPin {
    handle: Arc<Handle>,
    /// `None` only during the drop.
    pin: Option<DetachedPin>,
}

impl TaskPin {
    /// Waits as long as a shared guard of a page would. `None` if as many pages are kept for tasks as may be.
    pub(crate) fn load(handle: &Arc<Handle>, number: u64) -> io::Result<Option<TaskPin>> {
        let pin = handle.inode.load_for_task(number)?;
        Ok(pin.map(|pin| TaskPin { handle: Arc::clone(handle), pin: Some(pin.detach()) }))
    }

    /// Waits as long as an exclusive guard of a page would. `None` as for `load`.
    pub(crate) fn load_mut(handle: &Arc<Handle>, number: u64) -> io::Result<Option<TaskPin>> {
        let pin = handle.inode.load_mut_for_task(number)?;
        Ok(pin.map(|pin| TaskPin { handle: Arc::clone(handle), pin: Some(pin.detach()) }))
    }
}

impl Drop for TaskPin {
    fn drop(&mut self) {
        if let Some(pin) = self.pin.take() {
            let cache = &self.handle.inode.cache;
            drop(cache.frames.attach(pin));
            cache.task_pins.remove();
        }
    }
}

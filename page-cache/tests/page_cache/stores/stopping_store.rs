//! A store in which a thread can be stopped, with everything that it holds.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use spanlock_page_cache::{MemStore, Store};

struct Stop {
    stopped: Sender<()>,
    gate: Arc<Mutex<()>>,
}

thread_local! {
    /// Where this thread's next request to a store waits: the request reports that it has arrived, and then waits.
    static STOP: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

/// A store whose requests wait if their thread is to be stopped.
#[derive(Default)]
pub struct StoppingStore {
    pub inner: MemStore,
}

/// Makes the next request of this thread send to `stopped`, and wait until the gate opens.
pub fn stop_at_next_request(stopped: Sender<()>, gate: Arc<Mutex<()>>) {
    STOP.set(Some(Stop { stopped, gate }));
}

fn stop_here() {
    if let Some(Stop { stopped, gate }) = STOP.take() {
        stopped.send(()).unwrap();
        drop(gate.lock().unwrap());
    }
}

impl Store for StoppingStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        stop_here();
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        stop_here();
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        stop_here();
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.punch_hole(offset, len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.allocate(offset, len)
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.zero_range(offset, len)
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.collapse_range(offset, len)
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        stop_here();
        self.inner.insert_range(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

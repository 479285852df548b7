//! A store whose requests fail or are short, as a test requires.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};

use spanlock_page_cache::{MemStore, Store};

/// Counts requests, and fails a range of them.
#[derive(Default)]
pub struct FailingStore {
    pub inner: MemStore,
    requests: AtomicU64,
    fail_from: AtomicU64,
    fail_until: AtomicU64,
    most: AtomicUsize,
    errno: AtomicI32,
}

impl FailingStore {
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    /// Fails the requests with these numbers.
    pub fn fail(&self, requests: std::ops::Range<u64>) {
        self.fail_from.store(requests.start, Ordering::SeqCst);
        self.fail_until.store(requests.end, Ordering::SeqCst);
    }

    /// Makes failing requests return an errno instead of a message.
    pub fn fail_with(&self, errno: i32) {
        self.errno.store(errno, Ordering::SeqCst);
    }

    /// Reads or writes at most so many bytes in each request.
    pub fn cut_short(&self, most: usize) {
        self.most.store(most, Ordering::SeqCst);
    }

    fn request(&self) -> io::Result<()> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let failing = self.fail_from.load(Ordering::SeqCst)..self.fail_until.load(Ordering::SeqCst);
        if failing.contains(&number) {
            match self.errno.load(Ordering::SeqCst) {
                0 => {}
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("request {number}")));
        }
        Ok(())
    }

    fn part(&self, len: usize) -> usize {
        match self.most.load(Ordering::SeqCst) {
            0 => len,
            most => len.min(most),
        }
    }
}

impl Store for FailingStore {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.request()?;
        let part = self.part(bytes.len());
        self.inner.read_at(&mut bytes[..part], offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.request()?;
        self.inner.write_at(&bytes[..self.part(bytes.len())], offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.request()?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.request()?;
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.request()?;
        self.inner.sync()
    }
}

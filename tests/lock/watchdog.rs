//! Ends a test that hangs, since a lost wake-up would otherwise hang it for ever.

use std::io::{self, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Aborts the process, with a message, when nothing has moved for as long as [`PATIENCE`].
///
/// A hung thread cannot be joined, so a panic would not end the test.
pub struct Watchdog {
    moves: Arc<AtomicU64>,
    _ends_the_watch: Sender<()>,
}

impl Watchdog {
    pub fn over(what: &'static str) -> Watchdog {
        let moves = Arc::new(AtomicU64::new(0));
        let (sender, receiver) = mpsc::channel();
        let watched = Arc::clone(&moves);
        thread::spawn(move || {
            let mut seen = 0;
            while receiver.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let now = watched.load(Ordering::Relaxed);
                if now == seen {
                    // Not `eprintln`, whose output the test harness keeps until the test has ended.
                    let _ = writeln!(
                        io::stderr(),
                        "{what}: nothing moved for {PATIENCE:?}, after {now} operations"
                    );
                    process::abort();
                }
                seen = now;
            }
        });
        Watchdog { moves, _ends_the_watch: sender }
    }

    /// Something was done.
    pub fn moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }
}

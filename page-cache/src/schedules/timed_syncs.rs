//! Syncs whose callers wait for a limited time. A timed wait never ends here. So a caller has no time at all, and gives up
//! unless the sync has ended by then, or any time: then a caller that is not woken is a deadlock.

use std::sync::Arc;
use std::time::Duration;

use shuttle::thread;

use super::{PAGE, explore, open, stored};
use crate::files::durability::sync_group::Scope;
use crate::files::durability::timed_syncs::TimedSyncs;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::{FileOptions, PAGE_SIZE};

/// A file that counts its writes, and the writes that its syncs made durable.
#[derive(Default)]
struct Counts {
    syncs: TimedSyncs,
    in_progress: AtomicUsize,
    written: AtomicUsize,
    /// Of syncs of any scope, and of those of everything.
    durable: [AtomicUsize; 2],
}

impl Counts {
    /// Writes, and makes it durable. Returns whether the sync had ended when the time was over.
    fn write_and_sync(self: &Arc<Counts>, scope: Scope, timeout: Duration) -> bool {
        let written = self.written.fetch_add(1, Ordering::SeqCst) + 1;
        let worker = Arc::clone(self);
        let outcome = self.syncs.join(scope, timeout, || {
            thread::spawn(move || worker.syncs.work(|scope| worker.sync(scope)));
            Ok(())
        });
        match outcome {
            Ok(()) => {
                let durable = self.durable[usize::from(scope == Scope::All)].load(Ordering::SeqCst);
                assert!(durable >= written, "the sync began before the call, or had another scope");
                true
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
                assert!(timeout.is_zero(), "{error}");
                false
            }
        }
    }

    fn sync(&self, scope: Scope) -> std::io::Result<()> {
        assert_eq!(self.in_progress.fetch_add(1, Ordering::SeqCst), 0, "two syncs at once");
        let written = self.written.load(Ordering::SeqCst);
        thread::yield_now();
        self.durable[0].fetch_max(written, Ordering::SeqCst);
        if scope == Scope::All {
            self.durable[1].fetch_max(written, Ordering::SeqCst);
        }
        self.in_progress.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The thread that performs the syncs may be about to end, or to begin another, when a caller comes or gives up.
#[test]
fn a_sync_whose_time_ends_as_it_does_and_two_that_join() {
    explore(|| {
        let counts = Arc::new(Counts::default());
        let callers = [
            (Scope::Data, Duration::ZERO),
            (Scope::Data, Duration::MAX),
            (Scope::All, Duration::MAX),
        ];
        let callers = callers.map(|(scope, timeout)| {
            let counts = Arc::clone(&counts);
            thread::spawn(move || counts.write_and_sync(scope, timeout))
        });
        let [_, data, all] = callers.map(|caller| caller.join().unwrap());
        assert!(data && all);
        assert!(counts.write_and_sync(Scope::Data, Duration::MAX), "a thread is started once more");
    });
}

/// The sync keeps the file open, and the drop of the last handle waits for it.
#[test]
fn a_sync_of_a_file_that_is_given_up_a_second_one_and_the_last_handle_on_its_way_out() {
    explore(|| {
        let (_cache, file, store) = open(FileOptions::new());
        file.write_all_at(&[2; PAGE_SIZE], 0).unwrap();
        let second = file.clone();
        let second = thread::spawn(move || {
            second.write_all_at(&[3; PAGE_SIZE], PAGE).unwrap();
            second.sync_all_for(Duration::MAX).unwrap();
            assert_eq!((second.stats().dirty, second.stats().unstable), (0, 0));
        });
        if let Err(error) = file.sync_data_for(Duration::ZERO) {
            assert_eq!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
        }
        drop(file);
        second.join().unwrap();
        assert_eq!(Arc::strong_count(&store), 1, "no thread uses the store any more");
        assert!(stored(&store) == [2; PAGE_SIZE]);
    });
}

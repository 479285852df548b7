use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use super::{Scope, TimedSyncs};

fn nothing() -> io::Result<()> {
    Ok(())
}

#[test]
fn callers_that_give_up_leave_one_thread_and_share_one_sync() {
    let syncs = TimedSyncs::default();
    let started = AtomicUsize::new(0);
    let start = || {
        started.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    for scope in [Scope::Data, Scope::All, Scope::Data] {
        let error = syncs.join(scope, Duration::ZERO, start).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
    assert_eq!(started.load(Ordering::SeqCst), 1);
    let done = std::cell::RefCell::new(Vec::new());
    syncs.work(|scope| {
        done.borrow_mut().push(scope);
        Ok(())
    });
    assert_eq!(*done.borrow(), [Scope::All]);
    // The thread has ended, so the next caller starts another.
    syncs.join(Scope::Data, Duration::ZERO, start).unwrap_err();
    assert_eq!(started.load(Ordering::SeqCst), 2);
}

#[test]
fn a_caller_that_comes_during_a_sync_waits_for_the_next() {
    let syncs = TimedSyncs::default();
    syncs.join(Scope::Data, Duration::ZERO, nothing).unwrap_err();
    let (told, outcome) = channel();
    thread::scope(|scope| {
        let count = AtomicUsize::new(0);
        syncs.work(|_| match count.fetch_add(1, Ordering::SeqCst) {
            0 => {
                let (syncs, told) = (&syncs, told.clone());
                scope.spawn(move || told.send(syncs.join(Scope::Data, Duration::MAX, nothing)));
                // It waits for the next.
                while syncs.state().next.is_none() {
                    thread::yield_now();
                }
                Err(io::Error::other("the first"))
            }
            _ => Err(io::Error::from_raw_os_error(28)),
        });
    });
    let error = outcome.recv_timeout(Duration::from_secs(60)).unwrap().unwrap_err();
    assert_eq!(crate::error::errno(&error), Some(28));
}

#[test]
fn a_sync_for_which_no_thread_can_be_started_fails_and_the_next_does_not() {
    let syncs = TimedSyncs::default();
    let error = syncs.join(Scope::Data, Duration::MAX, || Err(io::ErrorKind::OutOfMemory.into()));
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    thread::scope(|scope| {
        let start = || {
            scope.spawn(|| syncs.work(|_| panic!("a bug")));
            Ok(())
        };
        // A panic is an error too.
        let error = syncs.join(Scope::Data, Duration::MAX, start).unwrap_err();
        assert!(error.to_string().contains("a bug"), "{error}");
    });
    assert!(!syncs.state().has_thread);
}

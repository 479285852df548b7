use std::sync::mpsc::channel;
use std::time::Instant;

use super::*;

/// Longer than any of this takes.
const TOO_LONG: Duration = Duration::from_secs(60);

#[test]
fn a_file_that_no_idle_closer_takes_gets_one_of_its_own() {
    let closers: Arc<Closers> = Arc::default();
    // As if one were idle, and hung in the first file as soon as it takes it.
    closers.state().idle = 1;
    let (closed, seen) = channel();
    for file in 0..3 {
        let closed = closed.clone();
        assert!(closers.close(Box::new(move || closed.send(file).unwrap())).is_ok());
    }
    // The others are closed by threads of their own, and one of these takes the first when it is done.
    let mut files: Vec<_> = (0..3).map(|_| seen.recv_timeout(TOO_LONG).unwrap()).collect();
    files.sort_unstable();
    assert_eq!(files, [0, 1, 2]);
}

#[test]
fn an_idle_closer_takes_the_next_file() {
    let closers: Arc<Closers> = Arc::default();
    closers.state().idle = 1;
    let (closed, seen) = channel();
    assert!(closers.close(Box::new(move || closed.send(()).unwrap())).is_ok());
    // No thread was started for it.
    assert_eq!((Arc::strong_count(&closers), closers.state().queue.len()), (1, 1));
    closers.next().expect("a file is queued")();
    assert_eq!(seen.try_recv(), Ok(()));
    let state = closers.state();
    assert_eq!((state.idle, state.queue.len()), (1, 0));
}

#[test]
fn a_closer_that_has_nothing_to_do_ends() {
    let closers: Arc<Closers> = Arc::default();
    assert!(closers.close(Box::new(|| ())).is_ok());
    let start = Instant::now();
    while Arc::strong_count(&closers) > 1 {
        assert!(start.elapsed() < TOO_LONG, "it does not end");
        thread::yield_now();
    }
    assert_eq!(closers.state().idle, 0);
}

#[test]
fn a_closing_that_panics_takes_its_own_closer_only() {
    let closers: Arc<Closers> = Arc::default();
    let (closed, seen) = channel();
    let panics = closed.clone();
    let panic = move || {
        // Dropped while it unwinds.
        let _panics = panics;
        panic!("as a store may when it is dropped");
    };
    assert!(closers.close(Box::new(panic)).is_ok());
    assert!(closers.close(Box::new(move || closed.send(()).unwrap())).is_ok());
    assert_eq!(seen.recv_timeout(TOO_LONG), Ok(()));
    assert!(seen.recv_timeout(TOO_LONG).is_err());
}

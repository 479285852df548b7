use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Wake;

use super::*;
use crate::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<W, T>(task: &Arc<Task>, awaited: &mut Awaited<W, T>) -> Poll<Result<T, Lost>> {
    let waker = Waker::from(Arc::clone(task));
    Pin::new(awaited).poll(&mut Context::from_waker(&waker))
}

/// The cache catches panics of stores. So this is a fault of the cache itself, which no caller can cause.
#[test]
fn work_that_panics_wakes_its_task_which_gets_an_error() {
    let task = Arc::new(Task::default());
    let (work, mut awaited) = hand_over(|| panic!("a fault"));
    assert!(poll::<_, ()>(&task, &mut awaited).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| work.run())).is_err());
    assert_eq!(task.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&task, &mut awaited), Poll::Ready(Err(Lost::Panicked)));
}

#[test]
fn what_the_work_uses_is_dropped_before_its_task_is_woken() {
    struct Wakes(Arc<()>, AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.1.store(Arc::strong_count(&self.0), Ordering::SeqCst);
        }
    }
    let used = Arc::new(());
    for run in [true, false] {
        let moved = Arc::clone(&used);
        let (work, mut awaited) = hand_over(move || drop(moved));
        let task = Arc::new(Wakes(Arc::clone(&used), AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&task));
        assert!(Pin::new(&mut awaited).poll(&mut Context::from_waker(&waker)).is_pending());
        match run {
            true => work.run(),
            false => drop(work),
        }
        assert_eq!(task.1.load(Ordering::SeqCst), 2, "the task's and the test's");
    }
}

/// The result is an error of a user, for example.
#[test]
fn a_result_that_nobody_waits_for_may_panic_when_it_is_dropped() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (work, awaited) = hand_over(|| Panics);
    let work = work.begin().map(|begun| (work, begun));
    drop(awaited);
    let (work, begun) = work.unwrap();
    work.end(Ok(begun()));
    let (work, awaited) = hand_over(|| Panics);
    work.run();
    drop(awaited);
    let panics = Panics;
    let (work, awaited) = hand_over(move || drop(panics));
    drop(awaited);
    drop(work);
}

//! A range lock among the tasks of a tokio runtime: awaited, timed out, cancelled; and three mistakes that are
//! easily made, each with what to do instead.
//!
//! `cargo run --example tasks`

use std::future::{self, Future};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use spanlock::{Mode, RangeLock};
use tokio::task;
use tokio::time::timeout;

/// Long enough for whoever can get on, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);
/// Waited out in full by whoever cannot.
const SHORT: Duration = Duration::from_millis(20);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        awaited().await;
        timed_out().await;
        cancelled().await;
        a_guard_beside_blocking_work().await;
        a_future_that_is_not_polled().await;
        a_blocking_claim().await;
    });
    println!("all claims were granted, or withdrawn without a trace");
}

/// The lock is shared by `Arc`, and the futures and guards of the `_arc` methods own it, so that they may go
/// into tasks.
async fn awaited() {
    let pages = Arc::new(RangeLock::new());
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let pages = Arc::clone(&pages);
            task::spawn(async move {
                // Disjoint ranges do not wait for each other; neighbours here share a page.
                let guard = pages.lock_exclusive_async_arc(n..n + 2).await;
                task::yield_now().await; // a guard is `Send`, and may be held across an await
                drop(guard);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the task has not panicked");
    }
    assert!(!pages.is_locked(..));
}

/// A timer drops the future, which withdraws the claim: nobody waits for it any more.
async fn timed_out() {
    let pages = RangeLock::new();
    let reader = pages.lock_shared_async(0..10).await;
    assert!(timeout(SHORT, pages.lock_exclusive_async(5..6)).await.is_err());
    // Had the writer stayed in the queue, this reader would stand behind it.
    let another = timeout(LONG, pages.lock_shared_async(5..6)).await.expect("nobody is in its way");
    drop((reader, another));
}

/// Aborting a task drops its future, or its guard. Of several ranges all are given up, or none was held.
async fn cancelled() {
    let pages = Arc::new(RangeLock::new());
    let reader = pages.lock_shared_async(5..6).await;
    let both = [(0..1, Mode::Exclusive), (5..9, Mode::Exclusive)];
    let writer = task::spawn(pages.lock_many_async_arc(both));
    while !pages.conflicts(0..1, Mode::Shared) {
        task::yield_now().await; // until it is queued
    }
    assert!(!pages.is_locked(0..1), "it holds nothing while it waits");
    writer.abort();
    assert!(writer.await.expect_err("it was aborted").is_cancelled());
    drop(reader);
    assert!(!pages.is_locked(..));
}

/// **Mistake**: to keep the guard in the task while `spawn_blocking` does the work. A task that is cancelled at that
/// await drops its guard there and then; the work goes on, and others come in beside it.
///
/// Instead, move an owned guard into the work.
async fn a_guard_beside_blocking_work() {
    let pages = Arc::new(RangeLock::new());
    let guard = pages.lock_exclusive_async_arc(0..8).await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let waits_for_work = task::spawn(async move {
        let work = task::spawn_blocking(move || {
            begun.send(()).expect("somebody listens");
            may_go_on.recv().expect("somebody tells");
            drop(guard); // here the work is done
        });
        work.await.expect("the work has not panicked");
    });
    has_begun.await.expect("the work has begun");
    waits_for_work.abort();
    assert!(waits_for_work.await.is_err(), "the task is gone");
    assert!(pages.is_locked(0..8), "its work is not, and has the guard");
    go_on.send(()).expect("the work waits");
    let _free = timeout(LONG, pages.lock_shared_async(0..8)).await.expect("the work ends");
}

/// **Mistake**: to keep a future that has been polled, and to poll it no more: in a `select!` loop that has gone on to
/// another branch, in a variable, behind a condition. It is granted in its turn all the same, and then keeps others out.
///
/// Instead, drop it as soon as it is not wanted.
async fn a_future_that_is_not_polled() {
    let pages = RangeLock::new();
    let reader = pages.lock_shared_async(0..8).await;
    {
        let mut kept = pin!(pages.lock_exclusive_async(0..8));
        let first = future::poll_fn(|context| Poll::Ready(kept.as_mut().poll(context)));
        assert!(first.await.is_pending());
        drop(reader); // grants it; nobody polls it
        assert!(timeout(SHORT, pages.lock_shared_async(3..4)).await.is_err());
    } // dropped here
    let _free = timeout(LONG, pages.lock_shared_async(3..4)).await.expect("it was given back");
}

/// **Mistake**: `lock_exclusive` in a task. It blocks a thread of the runtime, and with it all tasks that this thread would have
/// run: if one of them is to release the range, for ever.
///
/// Instead await, or claim in `spawn_blocking`. Threads and tasks stand in one queue.
async fn a_blocking_claim() {
    let pages = Arc::new(RangeLock::new());
    let reader = pages.lock_shared_async(0..8).await;
    let lock = Arc::clone(&pages);
    let blocking = task::spawn_blocking(move || drop(lock.lock_exclusive(0..8)));
    while !pages.conflicts(0..8, Mode::Shared) {
        task::yield_now().await; // until the thread is queued
    }
    drop(reader);
    timeout(LONG, blocking).await.expect("it was granted").expect("and has not panicked");
    assert!(!pages.is_locked(..));
}

#[test]
fn every_claim_is_granted_or_withdrawn() {
    main();
}

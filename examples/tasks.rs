//! A range lock in the tasks of a tokio runtime: awaiting, timing out and cancelling a claim; and
//! three common mistakes, each with the correct code.
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

/// A timeout for claims that must be granted, however busy the machine is.
const LONG: Duration = Duration::from_secs(60);
/// A timeout for claims that cannot be granted.
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
    println!("all claims were granted or cancelled, and no unit is locked");
}

/// The tasks share the lock in an `Arc`. Futures and guards of the `_arc` methods own it, so they can move into tasks.
async fn awaited() {
    let pages = Arc::new(RangeLock::new());
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let pages = Arc::clone(&pages);
            task::spawn(async move {
                // Each range shares a page with its neighbours, and waits for them only.
                let guard = pages.lock_exclusive_async_arc(n..n + 2).await;
                task::yield_now().await; // a guard is `Send`, so a task may hold it across an await
                drop(guard);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the task does not panic");
    }
    assert!(!pages.is_locked(..));
}

/// When the timer expires it drops the future, which cancels the claim: no other claim waits for it.
async fn timed_out() {
    let pages = RangeLock::new();
    let reader = pages.lock_shared_async(0..10).await;
    assert!(timeout(SHORT, pages.lock_exclusive_async(5..6)).await.is_err());
    // If the writer had stayed in the queue, this reader would wait for it.
    let another = timeout(LONG, pages.lock_shared_async(5..6)).await.expect("it does not conflict");
    drop((reader, another));
}

/// Aborting a task drops its future or its guard. A claim on several ranges holds all of them or none.
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
    assert!(writer.await.expect_err("the task was aborted").is_cancelled());
    drop(reader);
    assert!(!pages.is_locked(..));
}

/// **Mistake**: the task keeps the guard while `spawn_blocking` does the work. If the task is
/// aborted while it awaits the work, it drops the guard, but the work continues without a lock.
///
/// Instead, move an owned guard into the closure that does the work.
async fn a_guard_beside_blocking_work() {
    let pages = Arc::new(RangeLock::new());
    let guard = pages.lock_exclusive_async_arc(0..8).await;
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (finish, may_finish) = std::sync::mpsc::channel();
    let waits_for_work = task::spawn(async move {
        let work = task::spawn_blocking(move || {
            started.send(()).expect("the receiver exists");
            may_finish.recv().expect("the sender exists");
            drop(guard); // the work is done
        });
        work.await.expect("the work does not panic");
    });
    has_started.await.expect("the work starts");
    waits_for_work.abort();
    assert!(waits_for_work.await.is_err(), "the task was aborted");
    assert!(pages.is_locked(0..8), "the work continues and holds the guard");
    finish.send(()).expect("the work waits for this");
    let _free = timeout(LONG, pages.lock_shared_async(0..8)).await.expect("the work has ended");
}

/// **Mistake**: a future that has been polled is kept but no longer polled, for example in a
/// variable outside a `select!` loop. It can still be granted the claim, and then blocks others.
///
/// Instead, drop the future when it is no longer needed.
async fn a_future_that_is_not_polled() {
    let pages = RangeLock::new();
    let reader = pages.lock_shared_async(0..8).await;
    {
        let mut kept = pin!(pages.lock_exclusive_async(0..8));
        let first = future::poll_fn(|context| Poll::Ready(kept.as_mut().poll(context)));
        assert!(first.await.is_pending());
        drop(reader); // grants the claim of `kept`, which is not polled
        assert!(timeout(SHORT, pages.lock_shared_async(3..4)).await.is_err());
    } // dropped here
    let _free = timeout(LONG, pages.lock_shared_async(3..4)).await.expect("the claim was released");
}

/// **Mistake**: a task calls `lock_exclusive`, which blocks a thread of the runtime. If the task
/// that holds the range must run on that thread to release it, both wait for ever.
///
/// Instead, await the claim, or block in `spawn_blocking`. Threads and tasks wait in the same queue.
async fn a_blocking_claim() {
    let pages = Arc::new(RangeLock::new());
    let reader = pages.lock_shared_async(0..8).await;
    let lock = Arc::clone(&pages);
    let blocking = task::spawn_blocking(move || drop(lock.lock_exclusive(0..8)));
    while !pages.conflicts(0..8, Mode::Shared) {
        task::yield_now().await; // until the thread is queued
    }
    drop(reader);
    timeout(LONG, blocking)
        .await
        .expect("the claim is granted")
        .expect("the closure does not panic");
    assert!(!pages.is_locked(..));
}

#[test]
fn every_claim_is_granted_or_cancelled() {
    main();
}

//! Tasks of a runtime.

use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_blocking, spawn_local, yield_now};

use super::*;

fn one_thread() -> Runtime {
    Builder::new_current_thread().max_blocking_threads(8).build().unwrap()
}

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).max_blocking_threads(8).build().unwrap()
}

/// Adds one to a counter in each of some pages, and reads it.
async fn count(file: File, pages: std::ops::Range<u64>) {
    for page in pages {
        {
            let mut page = file.page_mut_async(page, spawn_blocking).await.unwrap();
            page[7] += 1;
        }
        yield_now().await;
        assert!(file.page_async(page, spawn_blocking).await.unwrap()[7] > 0);
        let pin = match file.pin_async(page, spawn_blocking).await {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => continue,
            pin => pin.unwrap(),
        };
        yield_now().await;
        assert_eq!(pin.number(), page);
    }
}

const TASKS: u8 = 50;
const PAGES: u64 = 100;

fn counted(file: &File, store: &RecordingStore) {
    file.sync_data().unwrap();
    for page in 0..PAGES {
        assert_eq!(store.bytes(page * PAGE..(page + 1) * PAGE)[7], TASKS, "page {page}");
    }
}

fn small() -> (PageCache, File, Arc<RecordingStore>) {
    let (cache, file, store) = open(16, 0);
    file.set_len(PAGES * PAGE).unwrap();
    (cache, file, store)
}

#[test]
fn many_tasks_use_a_small_cache_on_two_threads_and_on_one() {
    for runtime in [two_threads(), one_thread()] {
        let (_cache, file, store) = small();
        runtime.block_on(async {
            let tasks: Vec<_> =
                (0..TASKS).map(|_| tokio::spawn(count(file.clone(), 0..PAGES))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        counted(&file, &store);
    }
}

#[test]
fn many_tasks_that_stay_on_one_thread_use_a_small_cache() {
    let (_cache, file, store) = small();
    let tasks = LocalSet::new();
    for _ in 0..TASKS {
        tasks.spawn_local(count(file.clone(), 0..PAGES));
    }
    one_thread().block_on(tasks);
    counted(&file, &store);
}

/// A task that stays on its thread can hold a guard across an await. It is told, and so are the others of the thread,
/// before anything waits for it.
#[test]
fn a_local_task_that_keeps_a_guard_makes_the_others_fail_instead_of_wait() {
    let (_cache, file, _store) = open(64, 4);
    let tasks = LocalSet::new();
    tasks.block_on(&one_thread(), async {
        let keeper = file.clone();
        let keeper = spawn_local(async move {
            let page = keeper.page_async(0, spawn_blocking).await.unwrap();
            let error = keeper.page_async(1, spawn_blocking).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            yield_now().await;
            drop(page);
            keeper.page_async(1, spawn_blocking).await.map(drop).unwrap();
        });
        keeper.await.unwrap();
    });
}

fn is_dropped(error: io::Error) {
    assert_eq!(error.kind(), ErrorKind::Other);
    assert!(error.to_string().ends_with("dropped before it ran"), "{error}");
}

#[test]
fn work_that_a_runtime_cancels_fails_the_request() {
    let (_cache, file, _store) = open(64, 4);
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    // The only thread for blocking work is busy, so the next work waits in the queue.
    let (end, ends) = channel::<()>();
    drop(runtime.spawn_blocking(move || ends.recv()));
    let mut future = pin!(file.page_async(1, |work| runtime.spawn_blocking(work).abort()));
    let polled = poll(&mut future);
    drop(end);
    match polled {
        Poll::Ready(refused) => is_dropped(refused.unwrap_err()),
        Poll::Pending => is_dropped(runtime.block_on(future).unwrap_err()),
    }
}

#[test]
fn a_runtime_that_has_shut_down_fails_the_request() {
    let (_cache, file, _store) = open(64, 4);
    let runtime = one_thread();
    let handle = runtime.handle().clone();
    drop(runtime);
    let mut future = pin!(file.pin_async(1, |work| handle.spawn_blocking(work)));
    is_dropped(ready(&mut future).unwrap_err());
}

//! Tasks that wait for a page, and the work that reads it on another thread.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use shuttle::thread::{self, JoinHandle};

use super::{PAGE, explore, open};
use crate::pages::eviction::Victims;
use crate::sync::blocking::{Condvar, Mutex};
use crate::{BlockingWork, File, FileOptions};

/// An executor's thread that waits for its only task to be woken.
#[derive(Default)]
struct Executor {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Executor {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Executor {
    fn wait(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !std::mem::take(&mut *woken) {
            woken = self.changed.wait(woken).unwrap();
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let (executor, mut future) = (Arc::<Executor>::default(), pin!(future));
    let waker = Waker::from(Arc::clone(&executor));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => executor.wait(),
        }
    }
}

async fn add_one(file: &File) {
    file.page_mut_async(0, thread::spawn).await.unwrap()[0] += 1;
}

/// A task that is not woken is a deadlock.
#[test]
fn two_tasks_that_change_a_page_and_an_eviction() {
    explore(|| {
        let (cache, file, _store) = open(FileOptions::new());
        let own = file.clone();
        let other = thread::spawn(move || block_on(add_one(&own)));
        drop(cache.shared.pool.evict(Victims::Any));
        block_on(add_one(&file));
        other.join().unwrap();
        assert_eq!(block_on(file.page_async(0, thread::spawn)).unwrap()[0], 3);
    });
}

/// The work may have ended, run, or not have begun.
#[test]
fn a_task_that_leaves_the_work_that_ends_and_the_last_handle_on_its_way_out() {
    explore(|| {
        let (cache, file, store) = open(FileOptions::new());
        let mut works: Vec<JoinHandle<()>> = Vec::new();
        let mut spawn = |work: BlockingWork| works.push(thread::spawn(work));
        {
            let mut page = pin!(file.page_mut_async(0, &mut spawn));
            let _ = page.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        }
        {
            let mut pin = pin!(file.pin_async(0, &mut spawn));
            let _ = pin.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            thread::yield_now();
        }
        drop(file);
        works.into_iter().for_each(|work| work.join().unwrap());
        assert_eq!(Arc::strong_count(&store), 1, "nothing keeps the file open");
        let pool = &cache.shared.pool;
        assert!(pool.task_pins.admit() && pool.dirty.admit_pin(), "nothing is pinned");
    });
}

/// The task moves from one thread to another, and the first waker is of no use any more.
#[test]
fn a_task_whose_waker_changes_and_work_that_ends_or_is_dropped() {
    explore(|| {
        let (_cache, file, _store) = open(FileOptions::new());
        file.set_len(2 * PAGE).unwrap();
        for is_run in [true, false] {
            let executors: [Arc<Executor>; 2] = Default::default();
            let spawn = |work: BlockingWork| match is_run {
                true => thread::spawn(work),
                false => thread::spawn(|| drop(work)),
            };
            let mut pin = pin!(file.pin_async(u64::from(!is_run), spawn));
            for executor in &executors {
                let waker = Waker::from(Arc::clone(executor));
                if pin.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    return;
                }
            }
            executors[1].wait();
            let polled = pin.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(pinned) = polled else { panic!("it was woken for nothing") };
            assert_eq!(pinned.is_ok(), is_run);
        }
    });
}

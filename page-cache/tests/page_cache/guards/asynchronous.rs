//! Guards and pins for tasks.

mod cancelled;
mod panics;
mod runtimes;

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};

use super::*;
use spanlock_page_cache::{BlockingWork, PageMut, PagePin};

/// Work that was spawned, and runs when the test says so.
#[derive(Default)]
struct Queue(RefCell<Vec<BlockingWork>>);

impl Queue {
    fn spawn(&self) -> impl FnMut(BlockingWork) + '_ {
        |work| self.0.borrow_mut().push(work)
    }

    fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Runs all work on another thread.
    fn run(&self) {
        let work = self.0.take();
        elsewhere(|| work.into_iter().for_each(|work| work()));
    }
}

fn never(_: BlockingWork) {
    panic!("nothing has to be waited for");
}

/// A task that counts how often it was woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Task {
    fn woken(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll_by<F: Future>(task: &Arc<Task>, future: &mut Pin<&mut F>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(task));
    future.as_mut().poll(&mut Context::from_waker(&waker))
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// The outcome of a future that does not have to wait any more.
#[track_caller]
fn ready<F: Future>(future: &mut Pin<&mut F>) -> F::Output {
    match poll(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// Reads many pages, so that others are evicted.
fn read_many(file: &File) {
    for page in 1000..2000 {
        file.read_exact_at(&mut [0], page * PAGE).unwrap();
    }
}

/// A file of 2,000 pages, and the number of pages that were requested from its store.
fn open_large(frames: usize) -> (PageCache, File, Arc<RecordingStore>) {
    let (cache, file, store) = open(frames, 4);
    file.set_len(2000 * PAGE).unwrap();
    file.sync_all().unwrap();
    store.asked();
    (cache, file, store)
}

#[test]
fn a_task_gets_what_is_available_at_once_and_spawns_nothing() {
    let (_cache, file, _store) = open(64, 4);
    drop(file.page_mut(1).unwrap());
    assert_eq!(ready(&mut pin!(file.page_async(1, never))).unwrap()[0], 1);
    ready(&mut pin!(file.page_mut_async(1, never))).unwrap()[0] = 7;
    let pin = ready(&mut pin!(file.pin_async(1, never))).unwrap();
    assert_eq!((pin.number(), pin.page().unwrap()[0]), (1, 7));
    for page in [4, u64::MAX] {
        let past_the_end = |error: io::Error| assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        past_the_end(ready(&mut pin!(file.page_async(page, never))).unwrap_err());
        past_the_end(ready(&mut pin!(file.page_mut_async(page, never))).unwrap_err());
        past_the_end(ready(&mut pin!(file.pin_async(page, never))).unwrap_err());
    }
}

#[test]
fn the_work_reads_the_page_and_wakes_the_task_which_takes_the_guard_itself() {
    let (_cache, file, store) = open(64, 4);
    let (queue, task) = (Queue::default(), Arc::new(Task::default()));
    let read_by_work = |page: u64| {
        assert_eq!((store.asked(), queue.len(), task.woken()), (vec![], 1, 0));
        queue.run();
        assert_eq!(store.asked(), [Asked::Read(page * PAGE..(page + 1) * PAGE)]);
        assert_eq!(task.0.swap(0, Ordering::SeqCst), 1);
        // The work holds nothing, and no guard is on its way.
        elsewhere(|| file.write_all_at(b"x", page * PAGE + 5).unwrap());
    };
    let mut shared = pin!(file.page_async(1, queue.spawn()));
    assert!(poll_by(&task, &mut shared).is_pending());
    read_by_work(1);
    let shared = ready(&mut shared).unwrap();
    assert_eq!(shared[..6], [1, 1, 1, 1, 1, b'x']);
    // It is in the list of this thread.
    assert_eq!(file.write_at(b"y", 0).unwrap_err().kind(), ErrorKind::Deadlock);
    drop(shared);

    let mut exclusive = pin!(file.page_mut_async(2, queue.spawn()));
    assert!(poll_by(&task, &mut exclusive).is_pending());
    read_by_work(2);
    let mut exclusive = ready(&mut exclusive).unwrap();
    exclusive[0] = 7;
    elsewhere(|| assert!(file.try_page(2).unwrap().is_none()));
    drop(exclusive);

    let mut pinned = pin!(file.pin_async(3, queue.spawn()));
    assert!(poll_by(&task, &mut pinned).is_pending());
    read_by_work(3);
    assert_eq!(ready(&mut pinned).unwrap().page().unwrap()[0], 3);
    file.sync_data().unwrap();
    assert_eq!((queue.len(), store.bytes(2 * PAGE..2 * PAGE + 6)), (0, vec![7, 2, 2, 2, 2, b'x']));
}

#[test]
fn a_page_stays_cached_until_the_task_for_which_it_was_read_is_polled() {
    let (_cache, file, _store) = open_large(64);
    let queue = Queue::default();
    // One after the other, so that the limit is not reached.
    for page in (0..20).step_by(2) {
        let mut shared = pin!(file.page_async(page, queue.spawn()));
        assert!(poll(&mut shared).is_pending());
        queue.run();
        read_many(&file);
        assert_eq!(ready(&mut shared).unwrap().number(), page);
        let mut exclusive = pin!(file.page_mut_async(page + 1, queue.spawn()));
        assert!(poll(&mut exclusive).is_pending());
        queue.run();
        read_many(&file);
        assert_eq!(ready(&mut exclusive).unwrap().number(), page + 1);
    }
}

#[test]
fn a_capacity_that_pages_kept_for_tasks_would_fill_is_refused_immediately() {
    let (cache, file, _store) = open_large(1024);
    let queue = Queue::default();
    let mut tasks: Vec<_> =
        (0..20).map(|page| Box::pin(file.page_async(page, queue.spawn()))).collect();
    for task in &mut tasks {
        assert!(poll(&mut task.as_mut()).is_pending());
    }
    queue.run();
    let error = cache.set_capacity(20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "set_capacity to 20 pages: 20 pages are kept for tasks that were not polled since; \
         the capacity is still 1024 pages"
    );
    drop(tasks);
    cache.set_capacity(20).unwrap();
}

#[test]
fn tasks_that_are_not_polled_leave_frames_to_others_and_continue_when_they_are() {
    let (_cache, file, _store) = open_large(64);
    let queue = Queue::default();
    let mut tasks: Vec<_> =
        (0..500).map(|page| Box::pin(file.page_async(page, queue.spawn()))).collect();
    for task in &mut tasks {
        assert!(poll(&mut task.as_mut()).is_pending());
    }
    queue.run();
    read_many(&file);
    let guards: Vec<_> = (0..40).map(|page| file.page(page).unwrap()).collect();
    drop(guards);
    for mut task in tasks {
        while poll(&mut task.as_mut()).is_pending() {
            queue.run();
        }
    }
}

#[test]
fn a_task_that_was_overtaken_spawns_work_again() {
    let (_cache, file, store) = open(64, 4);
    let queue = Queue::default();
    let mut future = pin!(file.page_mut_async(1, queue.spawn()));
    assert!(poll(&mut future).is_pending());
    for _ in 0..3 {
        queue.run();
        thread::scope(|scope| {
            let ((held, is_held), (end, ends)) = (channel(), channel::<()>());
            let file = &file;
            scope.spawn(move || {
                let _page = file.page(1).unwrap();
                held.send(()).unwrap();
                ends.recv().unwrap();
            });
            is_held.recv().unwrap();
            assert!(poll(&mut future).is_pending());
            end.send(()).unwrap();
        });
        assert_eq!(queue.len(), 1);
    }
    queue.run();
    assert_eq!(ready(&mut future).unwrap()[0], 1);
    assert_eq!(store.asked(), [Asked::Read(PAGE..2 * PAGE)]);
}

#[test]
fn a_thread_that_has_guards_does_not_leave_a_task_waiting() {
    let (_cache, file, store) = open(64, 4);
    let queue = Queue::default();
    let root = file.page(0).unwrap();
    store.asked();
    let would_block = |error: io::Error, operation: &str| {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        let message = error.to_string();
        assert!(message.starts_with(operation) && message.contains("drop them all"), "{message}");
    };
    would_block(ready(&mut pin!(file.page_async(1, never))).unwrap_err(), "page of 4096 bytes");
    would_block(ready(&mut pin!(file.page_mut_async(1, never))).unwrap_err(), "page_mut of");
    would_block(ready(&mut pin!(file.pin_async(1, never))).unwrap_err(), "pin of");
    assert!(file.last_failure().is_none(), "the caller is only to try again");
    drop(root);

    let mut waiting = pin!(file.page_async(1, queue.spawn()));
    assert!(poll(&mut waiting).is_pending());
    let root = file.page(0).unwrap();
    would_block(ready(&mut waiting).unwrap_err(), "page of");
    drop(root);
    let root = file.page_mut(0).unwrap();
    let own = ready(&mut pin!(file.page_async(0, never))).unwrap_err();
    assert_eq!(own.kind(), ErrorKind::Deadlock);
    drop(root);
    queue.run();
}

#[test]
fn an_error_of_the_store_reaches_the_task() {
    let (_cache, file, store) = open(64, 4);
    let queue = Queue::default();
    store.fail_reads_of(PAGE..2 * PAGE);
    let mut future = pin!(file.page_mut_async(1, queue.spawn()));
    assert!(poll(&mut future).is_pending());
    queue.run();
    let message = ready(&mut future).unwrap_err().to_string();
    assert!(
        message.contains("told to fail") && message.contains("4096 bytes at 4096"),
        "{message}"
    );
    assert!(file.last_failure().is_some());
}

#[test]
fn only_the_waker_of_the_last_poll_is_woken() {
    let (_cache, file, _store) = open(64, 4);
    let queue = Queue::default();
    let tasks: [Arc<Task>; 2] = Default::default();
    let mut future = pin!(file.page_async(1, queue.spawn()));
    for task in [&tasks[0], &tasks[1], &tasks[1]] {
        assert!(poll_by(task, &mut future).is_pending());
    }
    assert_eq!(Arc::strong_count(&tasks[0]), 1, "it was replaced");
    queue.run();
    assert_eq!(tasks.each_ref().map(|task| task.woken()), [0, 1]);
    drop(ready(&mut future).unwrap());
}

/// The poll of an exclusive guard does not ask the store how long it can be, which may take long.
#[test]
fn the_store_is_called_by_work_only() {
    use spanlock_page_cache::StoreLayer;
    use std::thread::{ThreadId, current};
    struct OnOtherThreads(MemStore, ThreadId);
    impl StoreLayer for OnOtherThreads {
        type Below = MemStore;

        fn below(&self) -> &MemStore {
            assert_ne!(current().id(), self.1, "the store is called by the thread that polls");
            &self.0
        }
    }
    let store = OnOtherThreads(MemStore::new(), current().id());
    store.0.set_len(4 * PAGE).unwrap();
    let file = elsewhere(|| {
        let file = cache(64).open(store).unwrap();
        drop(file.page(1).unwrap());
        file
    });
    let queue = Queue::default();
    let mut future = pin!(file.page_mut_async(1, queue.spawn()));
    assert!(poll(&mut future).is_pending());
    queue.run();
    ready(&mut future).unwrap()[0] = 1;
}

#[test]
fn a_future_is_send_and_what_it_resolves_to_need_not_be() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    fn on<T>(_: impl Future<Output = io::Result<T>>) {}
    let (_cache, file, _store) = open(64, 4);
    on::<PageRef<'_>>(is_send(file.page_async(1, never)));
    on::<PageMut<'_>>(is_send(file.page_mut_async(1, never)));
    on::<PagePin>(is_send(file.pin_async(1, never)));
}

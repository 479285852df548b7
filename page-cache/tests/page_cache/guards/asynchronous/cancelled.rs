//! Futures that are dropped, and work that is.

use std::sync::Barrier;

use super::*;
use spanlock_page_cache::StoreLayer;

/// How many pins of a cached page there can be.
fn free_pins(file: &File) -> usize {
    drop(file.page(0).unwrap());
    std::iter::from_fn(|| file.try_pin(0).ok().flatten()).collect::<Vec<_>>().len()
}

#[test]
fn work_whose_task_has_left_before_it_began_does_nothing_and_keeps_nothing() {
    let (cache, file, store) = open(64, 4);
    let queue = Queue::default();
    drop(file.page_async(1, queue.spawn()));
    assert_eq!(queue.len(), 0, "it was not polled");
    {
        let mut futures = (
            pin!(file.page_async(1, queue.spawn())),
            pin!(file.page_mut_async(2, queue.spawn())),
            pin!(file.pin_async(3, queue.spawn())),
        );
        assert!(poll(&mut futures.0).is_pending());
        assert!(poll(&mut futures.1).is_pending());
        assert!(poll(&mut futures.2).is_pending());
    }
    drop((file, cache));
    assert_eq!(Arc::strong_count(&store), 1, "the file is closed");
    assert_eq!(queue.len(), 3);
    queue.run();
    assert_eq!(store.asked(), []);
}

#[test]
fn what_work_got_is_dropped_with_the_future_that_was_not_polled_any_more() {
    let (_cache, file, store) = open(64, 4);
    let (queue, most) = (Queue::default(), free_pins(&file));
    {
        let (mut page, mut pinned) =
            (pin!(file.page_mut_async(1, queue.spawn())), pin!(file.pin_async(2, queue.spawn())));
        assert!(poll(&mut page).is_pending() && poll(&mut pinned).is_pending());
        queue.run();
        assert_eq!(free_pins(&file), most - 1);
    }
    assert_eq!(free_pins(&file), most);
    store.asked();
    file.sync_all().unwrap();
    assert!(
        !store.asked().iter().any(|asked| matches!(asked, Asked::Write(_))),
        "nothing is dirty"
    );
    // Nor is a page kept for a task: as often as there can be such pages.
    for _ in 0..10 {
        let mut page = pin!(file.page_async(3, queue.spawn()));
        if poll(&mut page).is_pending() {
            queue.run();
        }
        file.drop_cached(0..u64::MAX).unwrap();
    }
    let mut page = pin!(file.page_async(3, queue.spawn()));
    assert!(poll(&mut page).is_pending());
    queue.run();
    assert_eq!(ready(&mut page).unwrap()[0], 3);
}

/// A store whose reads wait for the test, twice.
struct Waits(Arc<RecordingStore>, Arc<Barrier>);

impl StoreLayer for Waits {
    type Below = RecordingStore;

    fn below(&self) -> &RecordingStore {
        &self.0
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.1.wait();
        self.1.wait();
        self.0.read_at(bytes, offset)
    }
}

#[test]
fn work_whose_task_has_left_while_it_ran_drops_its_result_and_then_the_file() {
    let store = Arc::new(RecordingStore::with(&[1; 4 * PAGE_SIZE]));
    let barrier = Arc::new(Barrier::new(2));
    for _ in 0..3 {
        let cache = cache(64);
        let file = cache.open(Waits(Arc::clone(&store), Arc::clone(&barrier))).unwrap();
        let mut thread = None;
        {
            let mut pinned = pin!(file.pin_async(1, |work| thread = Some(thread::spawn(work))));
            assert!(poll(&mut pinned).is_pending());
            barrier.wait();
        }
        drop((file, cache));
        assert_eq!(Arc::strong_count(&store), 2, "the work keeps the file open");
        barrier.wait();
        thread.unwrap().join().unwrap();
        assert_eq!(Arc::strong_count(&store), 1);
    }
}

#[test]
fn work_that_is_dropped_fails_the_request_and_wakes_the_task() {
    let (cache, file, store) = open(64, 4);
    let (queue, task) = (Queue::default(), Arc::new(Task::default()));
    let dropped = |error: io::Error, operation: &str| {
        assert_eq!(error.kind(), ErrorKind::Other);
        let message = error.to_string();
        assert!(message.starts_with(operation), "{message}");
        assert!(message.ends_with("the blocking work was dropped before it ran"), "{message}");
    };
    {
        let mut future = pin!(file.page_async(1, queue.spawn()));
        assert!(poll_by(&task, &mut future).is_pending());
        queue.0.take();
        assert_eq!(task.woken(), 1);
        dropped(ready(&mut future).unwrap_err(), "page of 4096 bytes at 4096");
        // At once.
        dropped(ready(&mut pin!(file.page_async(1, drop))).unwrap_err(), "page of");
        dropped(ready(&mut pin!(file.page_mut_async(1, drop))).unwrap_err(), "page_mut of");
        dropped(ready(&mut pin!(file.pin_async(1, drop))).unwrap_err(), "pin of");
    }
    assert!(file.last_failure().is_some());
    drop((file, cache));
    assert_eq!(Arc::strong_count(&store), 1);
}

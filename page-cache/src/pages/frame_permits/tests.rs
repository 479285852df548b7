use std::thread;

use super::*;

/// Permits for 64 frames: 16, of which six are for files that have none. No wait times out.
fn permits() -> FramePermits {
    FramePermits { timeout: Duration::MAX, ..FramePermits::new(64) }
}

fn acquire<'a>(permits: &'a FramePermits, file: &'a Arc<FilePermits>) -> FramePermit<'a> {
    assert!(permits.issue(file));
    FramePermit { permits, file, frames: 1 }
}

fn take_all<'a>(permits: &'a FramePermits, file: &'a Arc<FilePermits>) -> Vec<FramePermit<'a>> {
    std::iter::from_fn(|| permits.issue(file).then(|| FramePermit { permits, file, frames: 1 }))
        .collect()
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// How often waiting threads have checked whether they may continue.
fn looks(file: &FilePermits) -> usize {
    file.looks.load(Ordering::SeqCst)
}

fn waiting(file: &FilePermits) -> usize {
    file.waiting.load(Ordering::SeqCst)
}

#[test]
fn requests_of_a_file_whose_permits_are_not_returned_sleep_while_others_run() {
    let (permits, stuck, well) = (permits(), Arc::default(), Arc::default());
    let mut kept = take_all(&permits, &stuck);
    assert!(kept.len() > 1);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                permits.wait(&stuck, WaitLimit::Unlimited).unwrap();
                permits.take_back(&stuck, 1);
            });
        }
        wait_until(|| looks(&stuck) == 8);
        for _ in 0..100 {
            drop(acquire(&permits, &well));
            thread::yield_now();
        }
        assert_eq!((looks(&stuck), waiting(&stuck)), (8, 8));
        assert_eq!(stuck.granted.load(Ordering::SeqCst), 0);
        // One that comes back is passed to one of them, which returns it to the next.
        kept.pop();
    });
    assert_eq!(waiting(&stuck), 0);
    assert_eq!(stuck.frames.load(Ordering::SeqCst), kept.len());
}

#[test]
fn files_without_a_permit_get_returned_permits_in_order() {
    let permits = permits();
    let takers: Vec<Arc<FilePermits>> = (0..20).map(|_| Arc::default()).collect();
    let mut taken: Vec<_> = takers.iter().flat_map(|file| take_all(&permits, file)).collect();
    assert_eq!(taken.len(), 16);
    let newcomers: [Arc<FilePermits>; 3] = Default::default();
    thread::scope(|scope| {
        let waiting: Vec<_> = newcomers
            .iter()
            .map(|file| {
                let thread = scope.spawn(|| permits.wait(file, WaitLimit::Unlimited));
                wait_until(|| looks(file) == 1);
                // It looks with the mutex, and releases it when it is in the queue.
                drop(permits.lock());
                thread
            })
            .collect();
        for (number, thread) in waiting.into_iter().enumerate() {
            taken.pop();
            thread.join().unwrap().unwrap();
            for later in &newcomers[number + 1..] {
                assert!(later.has_none());
                assert_eq!(looks(later), 1);
            }
        }
    });
    assert_eq!(permits.queued.load(Ordering::SeqCst), 0);
    assert_eq!(permits.count.load(Ordering::SeqCst), 16);
}

#[test]
fn waiters_of_a_file_get_its_last_permit_when_others_have_taken_the_rest() {
    let (permits, file, other) = (permits(), Arc::default(), Arc::default());
    let only = acquire(&permits, &file);
    let kept = take_all(&permits, &other);
    let late: Vec<Arc<FilePermits>> = (0..20).map(|_| Arc::default()).collect();
    let taken: Vec<_> = late.iter().flat_map(|file| take_all(&permits, file)).collect();
    thread::scope(|scope| {
        let waits = scope.spawn(|| permits.wait(&file, WaitLimit::Unlimited));
        wait_until(|| looks(&file) == 1);
        drop(only);
        assert_eq!(file.frames.load(Ordering::SeqCst), 1, "it is issued again before this returns");
        waits.join().unwrap().unwrap();
    });
    assert_eq!(file.frames.load(Ordering::SeqCst), 1);
    drop((kept, taken));
    assert_eq!(permits.count.load(Ordering::SeqCst), 1);
}

#[test]
fn whatever_threads_of_several_files_do_every_permit_is_returned_and_every_wait_ends() {
    let permits = permits();
    let files: Vec<Arc<FilePermits>> = (0..24).map(|_| Arc::default()).collect();
    thread::scope(|scope| {
        for thread in 0..48 {
            let (permits, file) = (&permits, &files[thread % 24]);
            scope.spawn(move || {
                for _ in 0..50 {
                    if !permits.issue(file) {
                        permits.wait(file, WaitLimit::Unlimited).unwrap();
                    }
                    let mut permit = FramePermit { permits, file, frames: 1 };
                    permit.extend_to(3);
                    thread::yield_now();
                }
            });
        }
    });
    assert_eq!(permits.count.load(Ordering::SeqCst), 0);
    for file in &files {
        let counts = [&file.frames, &file.granted].map(|count| count.load(Ordering::SeqCst));
        assert_eq!((counts, waiting(file)), ([0, 0], 0));
    }
}

#[test]
fn a_cache_that_grows_has_more_permits() {
    let (permits, file) = (permits(), Arc::default());
    let kept = take_all(&permits, &file);
    permits.set_frames(256);
    assert!(take_all(&permits, &file).len() > kept.len());
}

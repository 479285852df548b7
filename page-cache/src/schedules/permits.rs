//! Permits for frames: no waiter is forgotten. A timed wait never ends here, so a thread that nobody wakes is a
//! deadlock.

use std::sync::Arc;

use shuttle::thread;

use super::explore;
use crate::pages::frame::WaitLimit;
use crate::pages::frame_permits::{FilePermits, FramePermits};

/// As many frames as lead to one permit for all files.
const ONE: usize = 4;

fn request(permits: &Arc<FramePermits>, file: &Arc<FilePermits>) -> thread::JoinHandle<()> {
    let (permits, file) = (Arc::clone(permits), Arc::clone(file));
    thread::spawn(move || drop(permits.acquire(&file, WaitLimit::Unlimited).unwrap()))
}

/// An attempt that fails seems for a moment to have a permit, which a waiter of the same file counts on.
#[test]
fn a_request_that_waits_an_attempt_of_the_same_file_and_a_request_of_another() {
    explore(|| {
        let permits = Arc::new(FramePermits::new(ONE));
        let [file, other]: [Arc<FilePermits>; 2] = Default::default();
        let requests = [request(&permits, &file), request(&permits, &other)];
        drop(permits.try_acquire(&file));
        requests.into_iter().for_each(|request| request.join().unwrap());
    });
}

#[test]
fn requests_of_three_files_with_one_permit() {
    explore(|| {
        let permits = Arc::new(FramePermits::new(ONE));
        let [first, second, third]: [Arc<FilePermits>; 3] = Default::default();
        let requests = [&first, &first, &second, &third].map(|file| request(&permits, file));
        requests.into_iter().for_each(|request| request.join().unwrap());
    });
}

/// With permits for several frames: the file that has some waits for its own.
#[test]
fn a_request_that_takes_several_and_one_of_the_same_file() {
    explore(|| {
        let permits = Arc::new(FramePermits::new(4 * ONE));
        let [file, other]: [Arc<FilePermits>; 2] = Default::default();
        let requests = [&file, &file, &other].map(|file| request(&permits, file));
        let mut several = permits.acquire(&file, WaitLimit::Unlimited).unwrap();
        several.extend_to(4);
        drop(several);
        requests.into_iter().for_each(|request| request.join().unwrap());
    });
}

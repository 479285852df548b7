//! Which processor a thread runs on.

/// Keeps the calling thread on a processor of its own, if there are enough for `threads` threads.
///
/// On an idle machine the scheduler does that itself. Where other processes run too, threads that
/// are started together share a processor for milliseconds, which is as long as a round lasts.
#[cfg(target_os = "linux")]
pub fn keep_apart(thread: usize, threads: usize) {
    use std::sync::LazyLock;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    static PROCESSORS: LazyLock<Vec<usize>> = LazyLock::new(|| {
        let allowed = sched_getaffinity(None).unwrap_or_default();
        (0..CpuSet::MAX_CPU).filter(|&processor| allowed.is_set(processor)).collect()
    });
    if threads <= PROCESSORS.len() {
        let mut own = CpuSet::new();
        own.set(PROCESSORS[thread]);
        // Where that is not allowed, the scheduler's choice has to do.
        let _ = sched_setaffinity(None, &own);
    }
}

/// Leaves the choice to the scheduler.
#[cfg(not(target_os = "linux"))]
pub fn keep_apart(_thread: usize, _threads: usize) {}

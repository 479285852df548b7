//! `Random`: chooses among the threads that can run, with equal probability, from a seed.

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId as Thread};

pub(super) struct Random {
    state: u64,
    left: usize,
}

impl Random {
    /// So many schedules.
    pub(super) fn new(seed: u64, schedules: usize) -> Random {
        Random { state: seed, left: schedules }
    }
}

impl Scheduler for Random {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.left = self.left.checked_sub(1)?;
        Some(Schedule::new(self.state))
    }

    fn next_task(&mut self, runnable: &[&Task], _: Option<Thread>, _: bool) -> Option<Thread> {
        let drawn = self.next_u64() % runnable.len() as u64;
        runnable.get(drawn as usize).map(|thread| thread.id())
    }

    /// SplitMix64.
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

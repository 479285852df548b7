use shuttle::thread;

use super::*;
use crate::schedules::explore;
use crate::sync::atomic::{AtomicBool, Ordering};

#[test]
fn the_end_of_a_closing_and_the_thread_that_waits_for_it() {
    explore(|| {
        let (end, closed) = (Arc::<End>::default(), Arc::new(AtomicBool::new(false)));
        let (teller, own_closed) = (Teller(Arc::clone(&end)), Arc::clone(&closed));
        let closes = thread::spawn(move || {
            let _teller = teller;
            own_closed.store(true, Ordering::SeqCst);
        });
        end.wait(AnswerTimeout::new(&Arc::default()));
        assert!(closed.load(Ordering::SeqCst));
        closes.join().unwrap();
    });
}

use std::thread;

use super::*;

/// 64 frames, of which 16 may be on loan, six of these only to files that have none. No wait times out.
fn loans() -> Loans {
    Loans { patience: Duration::MAX, ..Loans::new(64) }
}

fn borrow<'a>(loans: &'a Loans, account: &'a Arc<Account>) -> Loan<'a> {
    assert!(loans.lend(account));
    Loan { loans, account, frames: 1 }
}

fn take_all<'a>(loans: &'a Loans, account: &'a Arc<Account>) -> Vec<Loan<'a>> {
    std::iter::from_fn(|| loans.lend(account).then(|| Loan { loans, account, frames: 1 })).collect()
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

/// How often anybody who waits has looked whether it may go on.
fn looks(account: &Account) -> usize {
    account.looks.load(Ordering::SeqCst)
}

fn waiting(account: &Account) -> usize {
    account.waiting.load(Ordering::SeqCst)
}

#[test]
fn requests_of_a_file_whose_loans_are_not_returned_sleep_while_others_run() {
    let (loans, stuck, well) = (loans(), Arc::default(), Arc::default());
    let mut kept = take_all(&loans, &stuck);
    assert!(kept.len() > 1);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loans.wait(&stuck, Patience::Endless).unwrap();
                loans.take_back(&stuck, 1);
            });
        }
        wait_until(|| looks(&stuck) == 8);
        for _ in 0..100 {
            drop(borrow(&loans, &well));
            thread::yield_now();
        }
        assert_eq!((looks(&stuck), waiting(&stuck)), (8, 8));
        assert_eq!(stuck.granted.load(Ordering::SeqCst), 0);
        // One that comes back is lent to one of them, which gives it back to the next.
        kept.pop();
    });
    assert_eq!(waiting(&stuck), 0);
    assert_eq!(stuck.frames.load(Ordering::SeqCst), kept.len());
}

#[test]
fn files_without_a_loan_get_returned_loans_in_order() {
    let loans = loans();
    let takers: Vec<Arc<Account>> = (0..20).map(|_| Arc::default()).collect();
    let mut taken: Vec<_> = takers.iter().flat_map(|account| take_all(&loans, account)).collect();
    assert_eq!(taken.len(), 16);
    let newcomers: [Arc<Account>; 3] = Default::default();
    thread::scope(|scope| {
        let waiting: Vec<_> = newcomers
            .iter()
            .map(|account| {
                let thread = scope.spawn(|| loans.wait(account, Patience::Endless));
                wait_until(|| looks(account) == 1);
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
    assert_eq!(loans.queued.load(Ordering::SeqCst), 0);
    assert_eq!(loans.count.load(Ordering::SeqCst), 16);
}

#[test]
fn waiters_of_a_file_get_its_last_loan_when_others_have_taken_the_rest() {
    let (loans, file, other) = (loans(), Arc::default(), Arc::default());
    let only = borrow(&loans, &file);
    let kept = take_all(&loans, &other);
    let late: Vec<Arc<Account>> = (0..20).map(|_| Arc::default()).collect();
    let taken: Vec<_> = late.iter().flat_map(|account| take_all(&loans, account)).collect();
    thread::scope(|scope| {
        let waits = scope.spawn(|| loans.wait(&file, Patience::Endless));
        wait_until(|| looks(&file) == 1);
        drop(only);
        assert_eq!(file.frames.load(Ordering::SeqCst), 1, "it is lent again before this returns");
        waits.join().unwrap().unwrap();
    });
    assert_eq!(file.frames.load(Ordering::SeqCst), 1);
    drop((kept, taken));
    assert_eq!(loans.count.load(Ordering::SeqCst), 1);
}

#[test]
fn whatever_threads_of_several_files_do_every_loan_is_returned_and_every_wait_ends() {
    let loans = loans();
    let files: Vec<Arc<Account>> = (0..24).map(|_| Arc::default()).collect();
    thread::scope(|scope| {
        for thread in 0..48 {
            let (loans, account) = (&loans, &files[thread % 24]);
            scope.spawn(move || {
                for _ in 0..50 {
                    if !loans.lend(account) {
                        loans.wait(account, Patience::Endless).unwrap();
                    }
                    let mut loan = Loan { loans, account, frames: 1 };
                    loan.extend_to(3);
                    thread::yield_now();
                }
            });
        }
    });
    assert_eq!(loans.count.load(Ordering::SeqCst), 0);
    for account in &files {
        let counts = [&account.frames, &account.granted].map(|count| count.load(Ordering::SeqCst));
        assert_eq!((counts, waiting(account)), ([0, 0], 0));
    }
}

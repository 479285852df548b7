use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use super::{Scope, SyncGroup};
use crate::error::SharedError;

fn until_waiting(group: &SyncGroup, round_members: usize) {
    // Each has a reference to the next round, and so has the group.
    while Arc::strong_count(&group.state().next) < round_members + 1 {
        thread::yield_now();
    }
}

#[test]
fn callers_that_arrive_during_a_sync_share_the_next_one() {
    let group = SyncGroup::default();
    let (begun, told) = channel();
    let wait = Mutex::new(());
    let hold = wait.lock().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            group.join(Scope::Data, |_| {
                begun.send(()).unwrap();
                drop(wait.lock().unwrap());
                Ok(())
            })
        });
        told.recv().unwrap();
        let (seen, scopes) = channel();
        let others: Vec<_> = [Scope::Data, Scope::All, Scope::Data]
            .into_iter()
            .map(|wanted| {
                let (group, seen) = (&group, seen.clone());
                scope.spawn(move || {
                    group.join(wanted, |scope| {
                        seen.send(scope).unwrap();
                        Err(SharedError::from(&io::Error::other("the second")))
                    })
                })
            })
            .collect();
        drop(seen);
        until_waiting(&group, 3);
        drop(hold);
        first.join().unwrap().unwrap();
        assert!(others.into_iter().all(|one| one.join().unwrap().is_err()));
        assert_eq!(scopes.iter().collect::<Vec<_>>(), [Scope::All]);
    });
    group
        .join(Scope::Data, |scope| {
            assert_eq!(scope, Scope::Data);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_sync_that_panics_fails_for_all_that_wait_for_it_and_ends() {
    let group = SyncGroup::default();
    let (begun, told) = channel();
    let wait = Mutex::new(());
    let hold = wait.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            group.join(Scope::Data, |_| {
                begun.send(()).unwrap();
                drop(wait.lock().unwrap());
                Ok(())
            })
        });
        told.recv().unwrap();
        let panicking = || {
            catch_unwind(AssertUnwindSafe(|| {
                group.join(Scope::Data, |_| std::panic::resume_unwind(Box::new("in a test")))
            }))
        };
        let others = [scope.spawn(panicking), scope.spawn(panicking)];
        until_waiting(&group, 2);
        drop(hold);
        // One sync panicked, and the other, which waited for it, returns that error.
        let outcomes = others.map(|one| one.join().unwrap());
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1);
        assert!(outcomes.into_iter().flatten().all(|outcome| outcome.is_err()));
    });
    group.join(Scope::All, |_| Ok(())).unwrap();
}

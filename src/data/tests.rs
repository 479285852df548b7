use std::cell::Cell;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::MutexGuard;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::{
    BoundsError, RangeReadFuture, RangeReadGuard, RangeReadManyGuard, RangeRwLock,
    RangeWriteFuture, RangeWriteGuard, RangeWriteManyGuard,
};

/// The number of rounds of each thread; Miri is slow.
const ROUNDS: usize = if cfg!(miri) { 20 } else { 2_000 };

/// Whether a type implements a trait: the inherent constant is found first where it exists.
macro_rules! implements {
    ($type:ty: $trait:path) => {{
        #[allow(dead_code, reason = "found only for types that do not implement the trait")]
        trait Absent {
            const PRESENT: bool = false;
        }
        impl<T: ?Sized> Absent for T {}
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "found only for types that implement the trait")]
        impl<T: ?Sized + $trait> Probe<T> {
            const PRESENT: bool = true;
        }
        <Probe<$type>>::PRESENT
    }};
}

/// `Send`, and not `Sync`.
type OnlySend = Cell<u8>;
/// `Sync`, and not `Send`.
type OnlySync = MutexGuard<'static, u8>;

// The lock goes where its elements may go, and is shared where they may be shared and sent.
const _: () = assert!(implements!(RangeRwLock<Vec<u8>>: Send));
const _: () = assert!(implements!(RangeRwLock<Vec<u8>>: Sync));
const _: () = assert!(implements!(RangeRwLock<&'static mut [u8]>: Send));
const _: () = assert!(implements!(RangeRwLock<[OnlySend; 3]>: Send));
const _: () = assert!(!implements!(RangeRwLock<[OnlySend; 3]>: Sync));
const _: () = assert!(!implements!(RangeRwLock<Box<[OnlySync]>>: Send));
const _: () = assert!(!implements!(RangeRwLock<Box<[OnlySync]>>: Sync));

// A read guard can become a write guard and a write guard a read guard, so both need both to be sent.
const _: () = assert!(implements!(RangeReadGuard<'static, u8>: Send));
const _: () = assert!(!implements!(RangeReadGuard<'static, OnlySend>: Send));
const _: () = assert!(!implements!(RangeReadGuard<'static, OnlySync>: Send));
const _: () = assert!(!implements!(RangeReadGuard<'static, OnlySend>: Sync));
const _: () = assert!(implements!(RangeReadGuard<'static, OnlySync>: Sync));
const _: () = assert!(implements!(RangeWriteGuard<'static, u8>: Send));
const _: () = assert!(!implements!(RangeWriteGuard<'static, OnlySend>: Send));
const _: () = assert!(!implements!(RangeWriteGuard<'static, OnlySync>: Send));
const _: () = assert!(!implements!(RangeWriteGuard<'static, OnlySend>: Sync));
const _: () = assert!(implements!(RangeWriteGuard<'static, OnlySync>: Sync));
const _: () = assert!(!implements!(RangeReadManyGuard<'static, OnlySend>: Send));
const _: () = assert!(!implements!(RangeWriteManyGuard<'static, OnlySync>: Send));
const _: () = assert!(implements!(RangeWriteManyGuard<'static, u8>: Send));
const _: () = assert!(!implements!(RangeWriteManyGuard<'static, OnlySend>: Sync));
const _: () = assert!(implements!(RangeReadFuture<'static, u8>: Send));
const _: () = assert!(!implements!(RangeReadFuture<'static, OnlySend>: Send));
const _: () = assert!(!implements!(RangeWriteFuture<'static, OnlySync>: Send));
const _: () = assert!(implements!(RangeWriteFuture<'static, OnlySend>: Sync));

fn message(panics: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    *panic.downcast::<String>().expect("a formatted message")
}

#[test]
fn every_kind_of_sequence_goes_in_and_comes_out_as_it_was() {
    let mut vec = Vec::with_capacity(10);
    vec.extend([String::from("a"), String::from("b")]);
    let at = vec.as_ptr();
    let lock = RangeRwLock::from(vec);
    lock.write(1..).iter_mut().for_each(|text| text.push('!'));
    let vec = lock.into_inner();
    assert_eq!((vec.as_ptr(), vec.capacity(), &vec[..]), (at, 10, &["a".into(), "b!".into()][..]));

    let boxed: Box<[String]> = vec.into();
    let lock = RangeRwLock::new(boxed);
    lock.write(..1)[0].push('?');
    assert_eq!(*lock.into_inner(), ["a?", "b!"]);

    let lock = RangeRwLock::new([String::from("x"), String::from("y")]);
    lock.write(..).swap(0, 1);
    assert_eq!(lock.into_inner(), ["y", "x"]);

    let mut owned = [1, 2, 3];
    let lock = RangeRwLock::new(&mut owned[..]);
    lock.write(1..2)[0] = 20;
    lock.into_inner()[2] = 30;
    assert_eq!(owned, [1, 20, 30]);
}

#[test]
fn a_lock_that_is_dropped_drops_its_elements_once() {
    let element = std::sync::Arc::new(());
    let lock = RangeRwLock::new(vec![element.clone(), element.clone()]);
    drop(lock.read(..));
    assert_eq!(std::sync::Arc::strong_count(&element), 3);
    drop(lock);
    assert_eq!(std::sync::Arc::strong_count(&element), 1);
}

#[test]
fn writers_of_disjoint_ranges_and_readers_share_the_elements() {
    let mut lock = RangeRwLock::new(vec![0_u64; 12]);
    thread::scope(|s| {
        for part in 0..3 {
            let lock = &lock;
            s.spawn(move || {
                for round in 0..ROUNDS {
                    let start = (part * 3 + round) % 9;
                    lock.write(start..start + 4).iter_mut().for_each(|cell| *cell += 1);
                }
            });
        }
        s.spawn(|| {
            for round in 0..ROUNDS {
                let guard = lock.read(round % 12..);
                let (sum, again) = (guard.iter().sum::<u64>(), guard.iter().sum::<u64>());
                assert_eq!(sum, again, "nobody writes what is read");
            }
        });
    });
    assert_eq!(lock.get_mut().iter().sum::<u64>(), 3 * 4 * ROUNDS as u64);
}

#[test]
fn guards_on_parts_can_be_used_side_by_side() {
    let lock = RangeRwLock::new([1, 2, 3, 4, 5, 6]);
    let mut low = lock.write(..2);
    let mut high = lock.write(4..);
    let middle = lock.read(2..4);
    low[0] = middle[0];
    high[1] = middle[1];
    std::mem::swap(&mut low[1], &mut high[0]);
    assert_eq!((&*low, &*middle, &*high), (&[3, 5][..], &[3, 4][..], &[2, 4][..]));
}

#[test]
fn split_shrink_downgrade_and_upgrade_change_what_others_can_lock() {
    let lock = RangeRwLock::new([0; 100]);
    let mut guard = lock.write(10..90);
    RangeWriteGuard::shrink_to(&mut guard, 10..70);
    assert_eq!(RangeWriteGuard::range(&guard), 20..80);
    assert!(lock.try_write(..20).is_some() && lock.try_write(80..).is_some());

    let (head, mut tail) = RangeWriteGuard::split_at(guard, 30);
    tail[0] = 7;
    let head = RangeWriteGuard::downgrade(head);
    assert_eq!((head.len(), tail.len()), (30, 30));
    assert!(lock.try_read(20..50).is_some() && lock.try_read(50..51).is_none());

    let other = lock.read(49..50);
    let head = RangeReadGuard::try_upgrade(head).expect_err("another reader has element 49");
    drop(other);
    let mut head = RangeReadGuard::try_upgrade(head).expect("alone");
    head[29] = 6;
    drop((head, tail));
    assert_eq!(lock.read(49..51)[..], [6, 7]);
    assert!(!lock.indices().is_locked(..));
}

#[test]
fn empty_guards_lock_nothing() {
    let lock = RangeRwLock::new([1, 2, 3]);
    let writer = lock.write(..);
    let empty = lock.write(2..2);
    assert_eq!((RangeWriteGuard::range(&empty), empty.len()), (2..2, 0));
    let (head, tail) = RangeWriteGuard::split_at(writer, 3);
    assert_eq!((head.len(), tail.len()), (3, 0));
    let none = RangeReadGuard::<'_, u8>::default();
    assert_eq!(RangeReadGuard::range(&none), 0..0);
    assert!(RangeReadGuard::try_upgrade(none).is_ok());
}

#[test]
fn elements_of_no_size_are_locked_by_their_index() {
    let lock = RangeRwLock::new(vec![(); usize::MAX]);
    let last = lock.write(usize::MAX - 1..);
    assert_eq!(last.len(), 1);
    assert!(lock.try_read(usize::MAX - 1..).is_none());
    assert!(lock.try_write(..usize::MAX - 1).is_some());
    drop(last);
    assert_eq!(lock.into_inner().len(), usize::MAX);
}

#[test]
fn ranges_outside_are_refused_with_their_numbers() {
    let lock = RangeRwLock::new([0; 10]);
    let inverted = (Bound::Included(9), Bound::Excluded(3));
    let cases = [
        (inverted, BoundsError::Inverted { start: 9, end: 3 }),
        ((Bound::Included(3), Bound::Excluded(12)), BoundsError::PastEnd { end: 12, len: 10 }),
        ((Bound::Included(12), Bound::Unbounded), BoundsError::Inverted { start: 12, end: 10 }),
        ((Bound::Unbounded, Bound::Included(usize::MAX)), BoundsError::NoSuchIndex { len: 10 }),
        ((Bound::Excluded(usize::MAX), Bound::Unbounded), BoundsError::NoSuchIndex { len: 10 }),
    ];
    for (range, error) in cases {
        assert_eq!(lock.checked(range), Err(error));
        assert_eq!(message(|| drop(lock.read(range))), error.to_string());
        assert_eq!(
            message(|| drop(lock.try_write_many(std::iter::once(range)))),
            error.to_string()
        );
    }
    assert_eq!(lock.checked((Bound::Excluded(3), Bound::Included(9))), Ok(4..10));
    assert_eq!(lock.checked(10..), Ok(10..10));
    let guard = lock.read(2..6);
    let split = message(|| drop(RangeReadGuard::split_at(guard, 5)));
    assert_eq!(split, "cannot split 4 elements at 5");
    assert!(!lock.indices().is_locked(..), "nothing was left locked");
}

#[test]
fn many_ranges_are_locked_together_and_may_not_overlap_for_writing() {
    let lock = RangeRwLock::new([1, 2, 3, 4, 5, 6]);
    let mut guard = lock.write_many([4..6, 0..2, 3..3]);
    guard[1][0] = guard[0][1];
    guard.iter_mut().for_each(|part| part.reverse());
    assert_eq!(format!("{guard:?}"), "[[6, 5], [2, 6], []]");
    assert!(lock.try_read_many([2..4, 3..4]).is_some());
    assert!(lock.try_read_many([2..4, 2..5]).is_none());
    drop(guard);
    let guard = lock.read_many([0..3, 1..4]);
    assert_eq!((&guard[0], &guard[1]), (&[2, 6, 3][..], &[6, 3, 4][..]));
    drop(guard);
    let overlap = message(|| drop(lock.write_many([3..5, 0..4])));
    assert_eq!(overlap, "ranges 0..4 and 3..5 overlap");
    assert!(!lock.indices().is_locked(..));
}

#[test]
fn a_timed_out_or_dropped_claim_leaves_the_queue() {
    let lock = RangeRwLock::new([0; 10]);
    let reader = lock.read(3..5);
    assert!(lock.try_write_for(.., Duration::from_millis(1)).is_none());
    {
        let mut pending = pin!(lock.write_async(..));
        let mut context = Context::from_waker(Waker::noop());
        assert!(pending.as_mut().poll(&mut context).is_pending());
        assert!(lock.try_read(..).is_none(), "the writer was there before");
    }
    assert!(lock.try_read(..).is_some());
    drop(reader);
}

#[test]
fn a_pending_guard_can_be_awaited_on_another_thread() {
    let lock = RangeRwLock::new([0; 10]);
    let reader = lock.read(3..5);
    let mut future = Box::pin(lock.write_async(..));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    thread::scope(|s| {
        s.spawn(move || {
            drop(reader);
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(mut guard) => guard[9] = 9,
                Poll::Pending => panic!("the last blocker has left"),
            }
        });
    });
    assert_eq!(lock.into_inner()[9], 9);
}

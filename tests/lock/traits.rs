//! Traits and attributes of the public types.

use std::panic::{RefUnwindSafe, UnwindSafe};

use spanlock::{
    Access, ArcExclusiveGuard, ArcManyGuard, ArcPairGuard, ArcRangeGuard, ArcSharedGuard,
    ExclusiveGuard, LockManyFuture, LockPairFuture, ManyGuard, MappingGuard, MappingLock, Mode,
    PairGuard, RangeGuard, RangeLock, SharedGuard,
};

const fn any_thread<T: Send + Sync>() {}
const fn survives_a_panic<T: UnwindSafe + RefUnwindSafe>() {}

const _: () = {
    any_thread::<RangeLock>();
    any_thread::<MappingLock>();
    any_thread::<SharedGuard<'_>>();
    any_thread::<ExclusiveGuard<'_>>();
    any_thread::<ArcSharedGuard>();
    any_thread::<ArcExclusiveGuard>();
    any_thread::<MappingGuard<'_>>();
    any_thread::<RangeGuard<'_>>();
    any_thread::<ArcRangeGuard>();
    any_thread::<ManyGuard<'_>>();
    any_thread::<ArcManyGuard>();
    any_thread::<PairGuard<'_>>();
    any_thread::<ArcPairGuard>();
    any_thread::<LockManyFuture<&RangeLock>>();
    any_thread::<LockPairFuture<&RangeLock>>();
    survives_a_panic::<RangeLock>();
    survives_a_panic::<SharedGuard<'_>>();
    survives_a_panic::<ExclusiveGuard<'_>>();
    assert!(size_of::<RangeLock>() <= 64);
    assert!(size_of::<MappingLock>() <= 64);
};

static IN_A_STATIC: RangeLock = RangeLock::new();
static MAPPING_IN_A_STATIC: MappingLock = MappingLock::new();

#[test]
fn a_lock_can_be_a_static() {
    let guard = IN_A_STATIC.lock_exclusive(3..4);
    assert!(IN_A_STATIC.try_lock_shared(3..4).is_none());
    drop(guard);
    let byte = MAPPING_IN_A_STATIC.lock(spanlock::Access::Truncate, 0..1);
    assert_eq!(byte.range(), 0..1);
}

#[test]
fn the_compiler_warns_of_an_unused_guard() {
    let lock = RangeLock::new();
    // An expectation that is not met is itself a warning, and those are denied.
    #[expect(unused_must_use)]
    {
        lock.lock_shared(1..2);
    }
    #[expect(unused_must_use)]
    {
        lock.lock_exclusive(1..2);
    }
    #[expect(unused_must_use)]
    {
        lock.lock_many([(1..2, Mode::Shared)]);
    }
}

#[test]
fn the_compiler_warns_of_an_unused_result_of_a_try() {
    let lock = RangeLock::new();
    #[expect(unused_must_use)]
    {
        lock.try_lock(1..2, Mode::Shared);
    }
    #[expect(unused_must_use)]
    {
        lock.try_lock_exclusive(1..2);
    }
    #[expect(unused_must_use)]
    {
        lock.try_lock_many([(1..2, Mode::Shared)]);
    }
    #[expect(unused_must_use)]
    {
        MappingLock::new().try_lock(Access::Fault, 1..2);
    }
}

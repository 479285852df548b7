//! A guard of any type, so that a program can hold them together.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;

use spanlock::{Exclusive, Guard, GuardMode, LockRef, Mode, Shared, UpgradeFuture};

pub type Boxed<'a> = Box<dyn AnyGuard<'a> + 'a>;

/// A future of an upgrade: of the guard as it is then, or as it was.
pub type Upgrade<'a> = Pin<Box<dyn Future<Output = Result<Boxed<'a>, Boxed<'a>>> + 'a>>;

pub trait AnyGuard<'a> {
    fn range(&self) -> Range<u64>;
    fn mode(&self) -> Mode;
    fn downgrade(self: Box<Self>) -> Boxed<'a>;
    fn try_upgrade(self: Box<Self>) -> Result<Boxed<'a>, Boxed<'a>>;
    fn upgrade_async(self: Box<Self>) -> Upgrade<'a>;
    fn split_at(self: Box<Self>, at: u64) -> [Boxed<'a>; 2];
    fn shrink_to(&mut self, range: Range<u64>);
}

/// A guard whose type or value says in which mode it is, and what a change of mode makes of it.
pub trait Changeable<'a>: GuardMode + 'a {
    fn downgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Self>) -> Boxed<'a>;

    fn try_upgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Self>) -> Result<Boxed<'a>, Boxed<'a>>;

    fn upgrade_async<L: LockRef + Clone + 'a>(guard: Guard<L, Self>) -> Upgrade<'a>;
}

async fn boxed<'a, L: LockRef + Clone + 'a, M: Changeable<'a>, N: Changeable<'a>>(
    upgrade: UpgradeFuture<L, M, N>,
) -> Result<Boxed<'a>, Boxed<'a>> {
    match upgrade.await {
        Ok(guard) => Ok(Box::new(guard)),
        Err(refused) => Err(Box::new(refused.into_guard())),
    }
}

impl<'a> Changeable<'a> for Shared {
    fn downgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Shared>) -> Boxed<'a> {
        Box::new(guard)
    }

    fn try_upgrade<L: LockRef + Clone + 'a>(
        guard: Guard<L, Shared>,
    ) -> Result<Boxed<'a>, Boxed<'a>> {
        match guard.try_upgrade() {
            Ok(guard) => Ok(Box::new(guard)),
            Err(guard) => Err(Box::new(guard)),
        }
    }

    fn upgrade_async<L: LockRef + Clone + 'a>(guard: Guard<L, Shared>) -> Upgrade<'a> {
        Box::pin(boxed(guard.upgrade_async()))
    }
}

impl<'a> Changeable<'a> for Exclusive {
    fn downgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Exclusive>) -> Boxed<'a> {
        Box::new(guard.downgrade())
    }

    fn try_upgrade<L: LockRef + Clone + 'a>(
        guard: Guard<L, Exclusive>,
    ) -> Result<Boxed<'a>, Boxed<'a>> {
        Ok(Box::new(guard))
    }

    fn upgrade_async<L: LockRef + Clone + 'a>(guard: Guard<L, Exclusive>) -> Upgrade<'a> {
        Box::pin(async { Ok::<Boxed<'a>, _>(Box::new(guard)) })
    }
}

impl<'a> Changeable<'a> for Mode {
    fn downgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Mode>) -> Boxed<'a> {
        Box::new(guard.downgrade())
    }

    fn try_upgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Mode>) -> Result<Boxed<'a>, Boxed<'a>> {
        match guard.try_upgrade() {
            Ok(guard) => Ok(Box::new(guard)),
            Err(guard) => Err(Box::new(guard)),
        }
    }

    fn upgrade_async<L: LockRef + Clone + 'a>(guard: Guard<L, Mode>) -> Upgrade<'a> {
        Box::pin(boxed(guard.upgrade_async()))
    }
}

impl<'a, L: LockRef + Clone + 'a, M: Changeable<'a>> AnyGuard<'a> for Guard<L, M> {
    fn range(&self) -> Range<u64> {
        Guard::range(self)
    }

    fn mode(&self) -> Mode {
        Guard::mode(self)
    }

    fn downgrade(self: Box<Self>) -> Boxed<'a> {
        M::downgrade(*self)
    }

    fn try_upgrade(self: Box<Self>) -> Result<Boxed<'a>, Boxed<'a>> {
        M::try_upgrade(*self)
    }

    fn upgrade_async(self: Box<Self>) -> Upgrade<'a> {
        M::upgrade_async(*self)
    }

    fn split_at(self: Box<Self>, at: u64) -> [Boxed<'a>; 2] {
        let (lower, upper) = Guard::split_at(*self, at);
        [Box::new(lower), Box::new(upper)]
    }

    fn shrink_to(&mut self, range: Range<u64>) {
        Guard::shrink_to(self, range);
    }
}

//! A guard of any kind, so that a program can hold them side by side.

use std::ops::Range;

use spanlock::{Exclusive, Guard, GuardMode, LockRef, Mode, Shared};

pub type Boxed<'a> = Box<dyn AnyGuard<'a> + 'a>;

pub trait AnyGuard<'a> {
    fn range(&self) -> Range<u64>;
    fn mode(&self) -> Mode;
    fn downgrade(self: Box<Self>) -> Boxed<'a>;
    fn try_upgrade(self: Box<Self>) -> Result<Boxed<'a>, Boxed<'a>>;
    fn split_at(self: Box<Self>, at: u64) -> [Boxed<'a>; 2];
    fn shrink_to(&mut self, range: Range<u64>);
}

/// A guard whose type or value says in which mode it is, and what a change of mode makes of it.
pub trait Changeable<'a>: GuardMode + 'a {
    fn downgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Self>) -> Boxed<'a>;

    fn try_upgrade<L: LockRef + Clone + 'a>(guard: Guard<L, Self>) -> Result<Boxed<'a>, Boxed<'a>>;
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

    fn split_at(self: Box<Self>, at: u64) -> [Boxed<'a>; 2] {
        let (lower, upper) = Guard::split_at(*self, at);
        [Box::new(lower), Box::new(upper)]
    }

    fn shrink_to(&mut self, range: Range<u64>) {
        Guard::shrink_to(self, range);
    }
}

//! Guards of several pages at once.
//!
//! They are taken in ascending order, so that calls do not deadlock with each other. If one of them
//! would have to wait for more than a guard, and the thread had no guards before, all are released
//! first. Then the thread waits for what that page needs, makes room for as many dirty pages as the
//! guards need together, and takes them again.

use std::io;
use std::time::Instant;

use super::{GuardedPage, NO_LIMIT, TIMEOUT};
use crate::error::TryAgain;
use crate::files::inode::Inode;
use crate::pages::frame::WaitLimit;
use crate::pages::frame::guard::{SharedGuard, has_any};

/// Guards that are being taken, and the order in which to take them: places in the list of the pages' numbers.
struct Taking<'a, G> {
    numbers: &'a [u64],
    order: &'a mut [usize],
    taken: &'a mut [Option<G>],
}

/// For so many guards, the order to take them in and where they are put.
fn places<G>(count: usize) -> (Vec<usize>, Vec<Option<G>>) {
    (vec![0; count], std::iter::repeat_with(|| None).take(count).collect())
}

impl Inode {
    /// Shared guards of some pages.
    pub(crate) fn pages<const N: usize>(
        &self,
        numbers: [u64; N],
    ) -> io::Result<[SharedGuard<'_>; N]> {
        let mut taken: [Option<SharedGuard<'_>>; N] = std::array::from_fn(|_| None);
        let order = &mut [0; N];
        self.take_shared(Taking { numbers: &numbers, order, taken: &mut taken })?;
        Ok(taken.map(|guard| guard.expect(NO_LIMIT)))
    }

    /// Exclusive guards of some pages.
    pub(crate) fn pages_mut<const N: usize>(
        &self,
        numbers: [u64; N],
    ) -> io::Result<[GuardedPage<'_>; N]> {
        let mut taken: [Option<GuardedPage<'_>>; N] = std::array::from_fn(|_| None);
        let order = &mut [0; N];
        self.take_exclusive(Taking { numbers: &numbers, order, taken: &mut taken })?;
        Ok(taken.map(|guard| guard.expect(NO_LIMIT)))
    }

    /// Shared guards of as many pages as there are numbers.
    pub(crate) fn page_list(&self, numbers: &[u64]) -> io::Result<Vec<SharedGuard<'_>>> {
        let (mut order, mut taken) = places(numbers.len());
        self.take_shared(Taking { numbers, order: &mut order, taken: &mut taken })?;
        Ok(taken.into_iter().map(|guard| guard.expect(NO_LIMIT)).collect())
    }

    /// Exclusive guards of as many pages as there are numbers.
    pub(crate) fn page_list_mut(&self, numbers: &[u64]) -> io::Result<Vec<GuardedPage<'_>>> {
        let (mut order, mut taken) = places(numbers.len());
        self.take_exclusive(Taking { numbers, order: &mut order, taken: &mut taken })?;
        Ok(taken.into_iter().map(|guard| guard.expect(NO_LIMIT)).collect())
    }

    fn take_shared<'a>(&'a self, taking: Taking<'_, SharedGuard<'a>>) -> io::Result<()> {
        let take = |number| match self.page_hit(number) {
            Some(guard) => Ok(Some(guard)),
            None => self.page_slow(number, WaitLimit::Unlimited),
        };
        self.in_order("pages", taking, take, |_| Ok(()))
    }

    fn take_exclusive<'a>(&'a self, taking: Taking<'_, GuardedPage<'a>>) -> io::Result<()> {
        let take = |number| match self.page_mut_hit(number) {
            Some(guard) => Ok(Some(guard)),
            None => self.page_mut_slow(number, WaitLimit::Unlimited),
        };
        self.in_order("pages_mut", taking, take, |numbers| self.make_room_for(numbers))
    }

    fn in_order<G>(
        &self,
        operation: &'static str,
        taking: Taking<'_, G>,
        take: impl Fn(u64) -> io::Result<Option<G>>,
        make_room: impl Fn(&[u64]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Taking { numbers, order, taken } = taking;
        order.iter_mut().enumerate().for_each(|(at, place)| *place = at);
        order.sort_unstable_by_key(|&place| numbers[place]);
        if let Some(twice) = order.windows(2).find(|two| numbers[two[0]] == numbers[two[1]]) {
            let number = numbers[twice[0]];
            let message = format!("page {number} is requested twice");
            let error = io::Error::new(io::ErrorKind::InvalidInput, message);
            return Err(self.failed(self.guard_request(operation, number), error));
        }
        let had_guards = has_any();
        loop {
            let refused = order.iter().find_map(|&place| match take(numbers[place]) {
                Ok(guard) => {
                    taken[place] = guard;
                    None
                }
                Err(error) => Some((numbers[place], error)),
            });
            let Some((number, error)) = refused else { return Ok(()) };
            let failed = |error| self.failed(self.guard_request(operation, number), error);
            if had_guards || !TryAgain::is(&error) {
                return Err(failed(error));
            }
            taken.fill_with(|| None);
            drop(take(number).map_err(failed)?);
            make_room(numbers).map_err(failed)?;
        }
    }

    /// Cleans pages of the file until exclusive guards of all these can be taken. The caller has no guard.
    fn make_room_for(&self, numbers: &[u64]) -> io::Result<()> {
        let start = Instant::now();
        loop {
            let (own, clean) = self.own_dirty_beside(numbers);
            if self.cache.dirty.has_room_for(own, clean) {
                return Ok(());
            }
            let (pages, most) = (numbers.len(), self.cache.dirty.most_by_guards());
            if pages > most {
                let message =
                    format!("{pages} pages of a file cannot be dirty at once, {most} can");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            if start.elapsed() >= TIMEOUT {
                let (file, all) = (own.pages, self.cache.dirty.count());
                let message = format!(
                    "{clean} more pages of the file cannot be dirty: it has {file}, all files together have {all}"
                );
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            self.wait_for_room(start, WaitLimit::Unlimited)?;
        }
    }
}

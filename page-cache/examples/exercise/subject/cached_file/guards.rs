//! Reads and writes through guards of pages.

use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Duration;

use spanlock_page_cache::{File, OwnedPageMut, OwnedPageRef, PageMut};

use crate::oracle::stamp::SECTOR;
use crate::page_size::page_size;

/// How long a guard is waited for at first.
const PATIENCE: Duration = Duration::from_micros(50);

/// Each guard but the first is acquired while the previous one is held, unless that would have to wait.
pub(super) fn read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let mut before = None;
    for (number, within, part) in parts(offset, bytes.len()) {
        let page = match owned(file, number) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(before.take());
                owned(file, number)
            }
            page => page,
        }?;
        bytes[part.clone()].copy_from_slice(&page[within..within + part.len()]);
        before = Some(page);
    }
    Ok(())
}

/// With guards that keep the file open, one page after the other. The handle that a guard was converted with is
/// dropped before the guard.
pub(super) fn write_owned(file: &File, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
    for (number, within, part) in parts(offset, bytes.len()) {
        let mut page = owned_mut(file, number)?;
        page.set_tag(tag);
        match number % 2 {
            0 => page.write(within, &bytes[part.clone()]),
            _ => page[within..within + part.len()].copy_from_slice(&bytes[part.clone()]),
        }
        is_of(page.number(), number)?;
        let page = page.downgrade();
        is_kept(number, &page[within..within + part.len()], &bytes[part])?;
    }
    Ok(())
}

pub(super) fn read_list(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let parts = listed(offset, bytes.len());
    let pages = file.page_list(&numbers(&parts))?;
    for ((number, within, part), page) in parts.iter().zip(&pages) {
        is_of(page.number(), *number)?;
        bytes[part.clone()].copy_from_slice(&page[*within..within + part.len()]);
    }
    thread::yield_now();
    for ((number, within, part), page) in parts.iter().zip(&pages) {
        is_kept(*number, &page[*within..within + part.len()], &bytes[part.clone()])?;
    }
    Ok(())
}

pub(super) fn write_list(file: &File, bytes: &[u8], offset: u64, tag: u64) -> io::Result<()> {
    let parts = listed(offset, bytes.len());
    let mut pages = file.page_list_mut(&numbers(&parts))?;
    for ((number, within, part), page) in parts.iter().zip(&mut pages) {
        is_of(page.number(), *number)?;
        page.set_tag(tag);
        page[*within..within + part.len()].copy_from_slice(&bytes[part.clone()]);
    }
    thread::yield_now();
    for ((number, within, part), page) in parts.iter().zip(&pages) {
        is_kept(*number, &page[*within..within + part.len()], &bytes[part.clone()])?;
    }
    Ok(())
}

/// An executor of one task, whose thread waits until it is woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unparks(Thread);
    impl Wake for Unparks {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let (waker, mut future) = (Arc::new(Unparks(thread::current())).into(), pin!(future));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// A guard of a page that keeps the file open; of every other page by way of a pin, if one more may be pinned. The guard
/// outlives the pin.
fn owned(file: &File, number: u64) -> io::Result<OwnedPageRef> {
    if number.is_multiple_of(2) {
        return Ok(file.page(number)?.into_owned(file));
    }
    let pinned = match number % 4 {
        1 => file.try_pin(number).and_then(|pin| pin.map_or_else(|| file.pin(number), Ok)),
        _ => block_on(file.pin_async(number, thread::spawn)),
    };
    match pinned {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            Ok(block_on(file.page_async(number, thread::spawn))?.into_owned(file))
        }
        pinned => Ok(pinned?.page()?.into_owned(file)),
    }
}

/// The same for an exclusive guard, which is acquired in one of several ways.
fn owned_mut(file: &File, number: u64) -> io::Result<OwnedPageMut> {
    let handle = file.clone();
    let page = match number % 4 {
        0 => match file.try_page_mut(number)? {
            Some(page) => page,
            None => file.page_mut(number)?,
        },
        1 => match file.page_mut_within(number, PATIENCE) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => file.page_mut(number)?,
            page => page?,
        },
        2 => match file.try_pin(number) {
            Ok(Some(pin)) => return Ok(pin.page_mut()?.into_owned(&handle)),
            Ok(None) => file.page_mut(number)?,
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => file.page_mut(number)?,
            Err(error) => return Err(error),
        },
        _ => block_on(file.page_mut_async(number, thread::spawn))?,
    };
    Ok(page.into_owned(&handle))
}

/// Calls `write` for each page that some bytes touch, with a guard of the page. Each guard is acquired while the
/// previous one is held, unless that would have to wait.
pub(super) fn write(
    file: &File,
    bytes: &[u8],
    offset: u64,
    write: impl Fn(&mut PageMut<'_>, usize, &[u8]),
) -> io::Result<()> {
    let mut before = None;
    for (number, within, part) in parts(offset, bytes.len()) {
        let mut page = match file.page_mut(number) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(before.take());
                file.page_mut(number)
            }
            page => page,
        }?;
        write(&mut page, within, &bytes[part]);
        before = Some(page);
    }
    Ok(())
}

/// The parts of some bytes, for guards that are held at once: in descending order, from any of them on.
fn listed(offset: u64, len: usize) -> Vec<(u64, usize, Range<usize>)> {
    let mut parts: Vec<_> = parts(offset, len).collect();
    parts.reverse();
    let first = offset / SECTOR as u64 % parts.len().max(1) as u64;
    parts.rotate_left(first as usize);
    parts
}

fn numbers(parts: &[(u64, usize, Range<usize>)]) -> Vec<u64> {
    parts.iter().map(|(number, ..)| *number).collect()
}

fn is_of(found: u64, number: u64) -> io::Result<()> {
    match found == number {
        true => Ok(()),
        false => Err(io::Error::other(format!("a guard of page {found} instead of {number}"))),
    }
}

/// Whether a page that has a guard is as it was when the guard was acquired.
fn is_kept(number: u64, now: &[u8], before: &[u8]) -> io::Result<()> {
    match now == before {
        true => Ok(()),
        false => Err(io::Error::other(format!("page {number} changed under a guard"))),
    }
}

/// The parts of some bytes that lie in one page each: the page's number, where the part begins in it, and which bytes
/// it has.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    let page = page_size();
    let end = offset + len as u64;
    (offset / page..end.div_ceil(page)).map(move |number| {
        let (from, to) = (offset.max(number * page), end.min((number + 1) * page));
        let part = (from - offset) as usize..(to - offset) as usize;
        (number, (from % page) as usize, part)
    })
}

//! Ranges of several units, up to all of them.

use std::ops::Range;

use spanlock::Mode;

use super::super::case::{Case, each_contender, immortal, immortal_after_many};
use super::super::contender::Contender;
use super::super::draws::{Draws, draw};
use super::pairs::repeat;

/// The units that are drawn from.
const UNITS: u64 = 1 << 16;

/// From two units to as many as the longest range of the mapping mix has.
pub const LENGTHS: [u64; 7] = [2, 3, 4, 8, 16, 64, 256];

/// Locking and unlocking `length` units, each thread in its own share of the units.
pub fn apart(length: u64, mode: Mode, threads: usize) -> impl Iterator<Item = Case> {
    each_contender!(some_apart(length, mode, threads))
}

fn some_apart<L: Contender>(length: u64, mode: Mode, threads: usize) -> Option<Case> {
    Some(apart_on::<L>(length, mode, threads))
}

/// The same on one contender.
pub fn apart_on<L: Contender>(length: u64, mode: Mode, threads: usize) -> Case {
    let draw_for = move |thread| ranges_of(length, thread, threads);
    Case::new::<L, _>(move || {
        repeat(immortal::<L>(UNITS), (0..threads).map(draw_for).collect(), mode)
    })
}

/// Ranges of `length` units in the share of `thread`.
fn ranges_of(length: u64, thread: usize, threads: usize) -> Draws<Range<u64>> {
    let share = UNITS / threads as u64;
    draw(thread, |random| {
        let start = thread as u64 * share + random.u64(..=share - length);
        start..start + length
    })
}

/// The same on one thread, in a lock of which many units were held at the same time before.
pub fn apart_after_many_on<L: Contender>(length: u64, mode: Mode) -> Case {
    Case::new::<L, _>(move || {
        repeat(immortal_after_many::<L>(UNITS), vec![ranges_of(length, 0, 1)], mode)
    })
}

/// Locking and unlocking everything.
pub fn whole(mode: Mode, threads: usize) -> impl Iterator<Item = Case> {
    each_contender!(some_whole(mode, threads))
}

fn some_whole<L: Contender>(mode: Mode, threads: usize) -> Option<Case> {
    Some(whole_on::<L>(mode, threads))
}

/// The same on one contender.
pub fn whole_on<L: Contender>(mode: Mode, threads: usize) -> Case {
    let draw_for = |thread| draw(thread, |_| 0..u64::MAX);
    Case::new::<L, _>(move || {
        repeat(immortal::<L>(UNITS), (0..threads).map(draw_for).collect(), mode)
    })
}

/// The same on one thread, in a lock of which many units were held at the same time before.
pub fn whole_after_many_on<L: Contender>(mode: Mode) -> Case {
    Case::new::<L, _>(move || {
        repeat(immortal_after_many::<L>(UNITS), vec![draw(0, |_| 0..u64::MAX)], mode)
    })
}

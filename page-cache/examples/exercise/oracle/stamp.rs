//! Stamps: the contents of each written sector identify the write.
//!
//! A sector of a write contains, as little-endian words: the stamp of the write, the sector's own
//! offset in the file, a checksum over the sector, and 61 words that count up from a seed, which is
//! computed from the stamp and the offset. The seed can be computed from any one of these words, so each
//! word of a torn sector shows which write it is from. What a write wrote to any byte can be computed
//! from its stamp, and is not stored.

use std::fmt;
use std::ops::Range;

use crate::workload::op::Path;

/// Bytes in a sector, the unit that carries a stamp.
pub const SECTOR: usize = 512;
const WORD: usize = 8;
const WORDS: usize = SECTOR / WORD;
const HEADER: usize = 3;

/// The byte with which the cache fills recycled frames.
pub const POISON: u8 = 0xdb;
/// The byte with which a reader's buffer is filled before the read.
pub const UNFILLED: u8 = 0xa5;

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const SPREAD: u64 = 0xd6e8_feb8_6659_fd93;
const UNSPREAD: u64 = inverse(SPREAD);
const TAG: u64 = 0x5a7;

/// The name of one write: `tag (12) | path (6) | thread (11) | sequence (35)`.
///
/// The tag makes it unlikely that other bytes are mistaken for a stamp.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp(u64);

impl Stamp {
    pub const fn new(path: Path, thread: u16, sequence: u64) -> Stamp {
        Stamp(
            TAG << 52 | (path as u64) << 46 | (thread as u64 & 0x7ff) << 35 | sequence << 29 >> 29,
        )
    }

    fn from_word(word: u64) -> Option<Stamp> {
        let known = word >> 52 == TAG && (word >> 46 & 0x3f) < Path::ALL.len() as u64;
        known.then_some(Stamp(word))
    }

    pub fn path(self) -> Path {
        Path::ALL[(self.0 >> 46 & 0x3f) as usize]
    }

    fn thread(self) -> u16 {
        (self.0 >> 35 & 0x7ff) as u16
    }

    fn sequence(self) -> u64 {
        self.0 << 29 >> 29
    }

    /// The whole sector at `offset` as the write with this stamp writes it.
    pub fn sector(self, offset: u64) -> [u8; SECTOR] {
        let seed = spread(self.0 ^ place(offset));
        let mut bytes = [0; SECTOR];
        let mut word = seed;
        for to in bytes[HEADER * WORD..].chunks_exact_mut(WORD) {
            to.copy_from_slice(&word.to_le_bytes());
            word = word.wrapping_add(STEP);
        }
        // The sum of the words above, by a formula.
        let body = (WORDS - HEADER) as u64;
        let sum = seed.wrapping_mul(body).wrapping_add(STEP.wrapping_mul(body * (body - 1) / 2));
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&offset.to_le_bytes());
        bytes[16..24].copy_from_slice(&checksum(self.0, offset, sum).to_le_bytes());
        bytes
    }

    /// Sets `bytes` to what the write with this stamp writes at `offset` of the file.
    pub fn fill(self, bytes: &mut [u8], offset: u64) {
        for (start, part) in sectors(offset, bytes.len()) {
            let within = (offset + part.start as u64 - start) as usize;
            let len = part.len();
            bytes[part].copy_from_slice(&self.sector(start)[within..within + len]);
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}.{}", self.path(), self.thread(), self.sequence())
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The sectors that `len` bytes at `offset` touch: the start of each in the file, and which of
/// the bytes lie in it.
pub fn sectors(offset: u64, len: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let end = offset + len as u64;
    let first = offset - offset % SECTOR as u64;
    (first..if len == 0 { first } else { end }).step_by(SECTOR).map(move |start| {
        let from = start.max(offset) - offset;
        let to = (start + SECTOR as u64).min(end) - offset;
        (start, from as usize..to as usize)
    })
}

/// What was found in a sector, or in a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A whole sector, as a write made it for the sector at `offset`.
    Intact { stamp: Stamp, offset: u64 },
    /// The same content in all of it.
    All(Piece),
    /// Several contents: which bytes of the sector contain what.
    Torn(Vec<(Range<usize>, Piece)>),
}

/// What some bytes of a sector are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The fill of recycled frames.
    Poison,
    Zeroes,
    /// The reader's own buffer, unchanged.
    Unfilled,
    /// Part of what this write made for this sector.
    Of(Stamp),
    Unknown,
}

impl Found {
    /// Reads the bytes that were found `within` the sector at `offset`.
    pub fn decode(bytes: &[u8], offset: u64, within: usize) -> Found {
        if let Some(found) = Found::intact(bytes) {
            return found;
        }
        let mut pieces: Vec<(Range<usize>, Piece)> = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let start = within + at;
            let to = (at + WORD - start % WORD).min(bytes.len());
            let piece = Piece::of(&bytes[at..to], offset, start);
            match pieces.last_mut() {
                // A part of a word, an offset or a checksum does not identify a write by itself.
                Some((range, last))
                    if *last == piece
                        || piece == Piece::Unknown
                            && (to - at < WORD || (WORD..HEADER * WORD).contains(&start)) =>
                {
                    range.end = within + to;
                }
                _ => pieces.push((start..within + to, piece)),
            }
            at = to;
        }
        match pieces[..] {
            [] => Found::All(Piece::Unknown),
            [(_, piece)] => Found::All(piece),
            // A part of a word at the start is identified by the word after it.
            [(ref first, Piece::Unknown), (_, piece)] if first.len() < WORD => Found::All(piece),
            _ => Found::Torn(pieces),
        }
    }

    fn intact(bytes: &[u8]) -> Option<Found> {
        let bytes: &[u8; SECTOR] = bytes.try_into().ok()?;
        let stamp = Stamp::from_word(word_at(bytes, 0))?;
        let offset = word_at(bytes, WORD);
        (stamp.sector(offset) == *bytes).then_some(Found::Intact { stamp, offset })
    }
}

impl Piece {
    /// What the bytes are that start at `within` in the sector at `offset`, and end in the same word.
    fn of(bytes: &[u8], offset: u64, within: usize) -> Piece {
        for (fill, piece) in
            [(POISON, Piece::Poison), (0, Piece::Zeroes), (UNFILLED, Piece::Unfilled)]
        {
            if bytes.iter().all(|&byte| byte == fill) {
                return piece;
            }
        }
        if bytes.len() < WORD {
            return Piece::Unknown;
        }
        let word = word_at(bytes, 0);
        let stamp = match within / WORD {
            0 => Stamp::from_word(word),
            index if index < HEADER => None,
            index => {
                let counted = STEP.wrapping_mul((index - HEADER) as u64);
                Stamp::from_word(unspread(word.wrapping_sub(counted)) ^ place(offset))
            }
        };
        stamp.map_or(Piece::Unknown, Piece::Of)
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        match self {
            Found::Intact { stamp, offset } => write!(f, "{stamp}, made for offset {offset}"),
            Found::All(piece) => write!(f, "{piece}"),
            Found::Torn(pieces) => {
                write!(f, "torn:")?;
                for (range, piece) in &pieces[..pieces.len().min(SHOWN)] {
                    write!(f, " [{}..{}] {piece};", range.start, range.end)?;
                }
                match pieces.len() - pieces.len().min(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} pieces more"),
                }
            }
        }
    }
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Piece::Poison => write!(f, "poison {POISON:#x} (a recycled frame, never filled)"),
            Piece::Zeroes => write!(f, "zeroes"),
            Piece::Unfilled => write!(f, "nothing (reported as read, not filled)"),
            Piece::Of(stamp) => write!(f, "{stamp}"),
            Piece::Unknown => write!(f, "no stamp"),
        }
    }
}

fn word_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; WORD];
    word.copy_from_slice(&bytes[at..at + WORD]);
    u64::from_le_bytes(word)
}

/// An offset as a part of a seed.
const fn place(offset: u64) -> u64 {
    offset.wrapping_mul(STEP)
}

const fn checksum(stamp: u64, offset: u64, sum: u64) -> u64 {
    spread(stamp ^ offset.rotate_left(32) ^ sum)
}

/// A bijection that lets every bit of its argument change about half of the result's.
const fn spread(word: u64) -> u64 {
    let word = (word ^ word >> 32).wrapping_mul(SPREAD);
    word ^ word >> 32
}

const fn unspread(word: u64) -> u64 {
    let word = (word ^ word >> 32).wrapping_mul(UNSPREAD);
    word ^ word >> 32
}

/// The inverse of an odd number modulo 2^64, by Newton's iteration.
const fn inverse(odd: u64) -> u64 {
    let mut guess = odd;
    let mut correct_bits = 3;
    while correct_bits < 64 {
        guess = guess.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(guess)));
        correct_bits *= 2;
    }
    guess
}

#[cfg(test)]
mod tests;

//! Which requests to a store fail, and how.

use std::fmt;

use fastrand::Rng;

use super::Kind;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and it fails.
    Refused,
    /// The same, with the error of a full disk.
    Full,
    /// A part from its first sector on is done, or all of it, and it fails.
    Late,
    /// Nothing is done, and the error is `Interrupted`.
    Interrupted,
    /// It reads or writes fewer sectors than requested, if there are several.
    Short,
    /// It takes longer.
    Delayed,
    /// It is done after a later request.
    Overtaken,
}

impl Fault {
    pub const ALL: [Fault; 7] = [
        Fault::Refused,
        Fault::Full,
        Fault::Late,
        Fault::Interrupted,
        Fault::Short,
        Fault::Delayed,
        Fault::Overtaken,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Fault::Refused => "refused",
            Fault::Full => "full",
            Fault::Late => "late",
            Fault::Interrupted => "interrupted",
            Fault::Short => "short",
            Fault::Delayed => "delayed",
            Fault::Overtaken => "overtaken",
        }
    }

    /// Whether a correct store may do this to a request.
    pub(super) fn may_strike(self, kind: Kind) -> bool {
        match self {
            Fault::Refused | Fault::Delayed | Fault::Overtaken => true,
            Fault::Full => matches!(kind, Kind::Write | Kind::Shape | Kind::Zero | Kind::Sync),
            Fault::Late => matches!(kind, Kind::Write | Kind::Zero | Kind::Sync),
            Fault::Interrupted | Fault::Short => matches!(kind, Kind::Read | Kind::Write),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which requests fail, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    Never,
    /// The seed and the request's number decide. At times the store is full.
    Seeded(u64),
    /// Only the request with this number.
    Nth(u64, Fault),
    /// The same, and the two requests after it are refused, among them those that would undo it.
    NthAndTwo(u64, Fault),
    /// A third of the syncs; the seed decides which.
    Syncs(u64),
}

impl Plan {
    pub(super) fn strikes(self, number: u64, kind: Kind) -> Option<Fault> {
        let fault = match self {
            Plan::Never => None,
            Plan::Seeded(seed) => seeded(seed, number),
            Plan::Nth(struck, fault) => (number == struck).then_some(fault),
            Plan::NthAndTwo(struck, fault) => match number.wrapping_sub(struck) {
                0 => Some(fault),
                1 | 2 => Some(Fault::Refused),
                _ => None,
            },
            Plan::Syncs(_) if kind != Kind::Sync => None,
            Plan::Syncs(seed) => match Rng::with_seed(seed ^ number << 20).u32(..9) {
                0 | 1 => Some(Fault::Refused),
                2 => Some(Fault::Late),
                _ => None,
            },
        };
        // Without an answer about the length, too, nobody knows how long the store is.
        let alone = matches!(self, Plan::Nth(..));
        let is_late_length = |fault| alone && fault == Fault::Late && kind == Kind::Length;
        fault.filter(|&fault| fault.may_strike(kind) || is_late_length(fault))
    }
}

fn seeded(seed: u64, number: u64) -> Option<Fault> {
    // For some dozens of requests in every few thousand.
    let season = Rng::with_seed(seed ^ (number >> 6).wrapping_mul(0x9e37_79b9)).u32(..64);
    if season == 0 {
        return Some(Fault::Full);
    }
    match Rng::with_seed(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))).u32(..1024)
    {
        0..6 => Some(Fault::Refused),
        6..12 => Some(Fault::Late),
        12..24 => Some(Fault::Interrupted),
        24..64 => Some(Fault::Short),
        64..72 => Some(Fault::Delayed),
        72..80 => Some(Fault::Overtaken),
        _ => None,
    }
}

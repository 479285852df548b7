//! The operations that a lock needs in order to be compared.

use std::ops::Range;

use spanlock::Mode;

/// A lock over units `0..units`, seen as a shared/exclusive range lock.
pub trait Contender: Sync + Sized + 'static {
    /// The name in benchmark ids and tables.
    const NAME: &'static str;
    /// Which disjoint claims wait for each other.
    const PRECISION: Precision = Precision::Exact;
    /// Whether it has a shared mode.
    const SHARING: Sharing = Sharing::Supported;
    /// The order in which many claims are acquired fastest.
    const FILL: Fill = Fill::Ascending;

    type Shared<'a>;
    type Exclusive<'a>;

    /// A lock over `units` units, not yet used.
    fn over(units: u64) -> Self;

    /// The same for a thread that will hold several claims at the same time.
    fn over_for_many(units: u64) -> Self {
        Self::over(units)
    }

    fn lock_shared(&self, range: Range<u64>) -> Self::Shared<'_>;

    fn lock_exclusive(&self, range: Range<u64>) -> Self::Exclusive<'_>;
}

/// Which disjoint claims wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Precision {
    /// All: the range is ignored.
    Whole,
    /// All until the first conflict, because every claim is treated as one on everything; none after it.
    WholeAtFirst,
    /// Those that touch one segment.
    Segments,
    /// None.
    Exact,
}

/// Whether a lock has a shared mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sharing {
    Supported,
    /// It has none: its shared claims are exclusive.
    ExclusiveOnly,
}

/// The order in which many claims are acquired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fill {
    Ascending,
    /// For a list that is walked from its least claim: ascending order would take quadratic time.
    Descending,
}

/// The properties of a contender that the tables use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    pub name: &'static str,
    pub precision: Precision,
    /// The size of a lock that was never used.
    pub bytes: usize,
}

impl About {
    pub fn of<L: Contender>() -> About {
        About { name: L::NAME, precision: L::PRECISION, bytes: size_of::<L>() }
    }

    /// Whether it never makes disjoint claims wait for each other, in such a workload.
    pub fn locks_ranges(&self, conflicts: Conflicts) -> bool {
        match self.precision {
            Precision::Whole | Precision::Segments => false,
            Precision::WholeAtFirst => conflicts == Conflicts::Possible,
            Precision::Exact => true,
        }
    }
}

/// Whether claims of a workload conflict if each range is treated as everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conflicts {
    /// They do not: all are shared, or come one after the other.
    Never,
    /// They do, because one thread holds several claims. The locks are told this beforehand.
    Possible,
}

impl Conflicts {
    /// Of exclusive claims by so many threads.
    pub fn among(threads: usize) -> Conflicts {
        if threads > 1 { Conflicts::Possible } else { Conflicts::Never }
    }

    /// Of claims in one mode by so many threads.
    pub fn in_mode(mode: Mode, threads: usize) -> Conflicts {
        match mode {
            Mode::Shared => Conflicts::Never,
            Mode::Exclusive => Conflicts::among(threads),
        }
    }
}

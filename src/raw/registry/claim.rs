//! A claim as the registry keeps it, and which others it waits for.

use crate::Mode;
use crate::raw::place::Place;

/// The number of a claim in the registry; used again once the claim has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimId(pub(super) u32);

/// Whether a claim stands in line behind waiting ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queueing {
    /// Behind every conflicting claim that is there.
    InLine,
    /// Behind held claims only: for a holder who must re-enter.
    Reentrant,
    /// Behind held claims only, its own shared one excepted: for a holder who upgrades.
    Upgrade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Waiting(Queueing),
}

pub(super) struct Claim<W> {
    pub(super) mode: Mode,
    pub(super) state: State,
    /// When it came: as a waiting claim it is behind lower ranks.
    pub(super) arrival: u64,
    /// Its rank among those that block others: when it came, or 0 if it passed whoever was there.
    pub(super) rank: u64,
    pub(super) place: Place,
    /// The first claim of the group that is granted as a whole; it keeps the next two.
    pub(super) leader: ClaimId,
    /// Wide enough for pairs: both factors are numbers of claims, which fit into 32 bits.
    pub(super) blockers: u64,
    pub(super) waiter: Option<W>,
    /// The next claim of the same group.
    pub(super) sibling: Option<ClaimId>,
    /// The claim, or the proxy of those, whose holder has this one as its upgrade.
    pub(super) upgrades: Option<ClaimId>,
}

impl<W> Claim<W> {
    /// Whether this claim waits for conflicting claims of that rank and state (R1, R2).
    pub(super) fn is_behind(&self, rank: u64, state: State) -> bool {
        rank < self.arrival
            && match self.state {
                State::Held => false,
                State::Waiting(Queueing::InLine) => true,
                State::Waiting(Queueing::Reentrant | Queueing::Upgrade) => state == State::Held,
            }
    }

    /// Whether this claim passed one that waited when it came, which therefore waits for it.
    pub(super) fn has_passed(&self, waiting: &Claim<W>) -> bool {
        self.rank == 0 && waiting.state != State::Held && waiting.arrival < self.arrival
    }
}

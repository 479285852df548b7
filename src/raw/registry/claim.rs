//! A claim as the registry keeps it, and which others it waits for.

use crate::Mode;
use crate::raw::place::Place;

/// The number of a claim in the registry; used again once the claim has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimId(pub(super) u32);

impl ClaimId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> ClaimId {
        ClaimId(number)
    }
}

/// How a claim waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queueing {
    /// Behind every earlier conflicting claim. Later claims that are held at once, and claims that
    /// become due, overtake it.
    Patient,
    /// Behind conflicting claims that are held or due. Only re-entrant claims and upgrades overtake
    /// it.
    Due,
    /// Behind held claims only. Its owner may hold a shared claim on the same units already.
    Reentrant,
    /// Behind held claims and waiting re-entrant ones, except for the shared claim that it
    /// upgrades.
    Upgrade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Held,
    Waiting(Queueing),
}

impl State {
    /// Whether a later due claim waits for a claim in this state.
    pub(super) fn stops_new_claims(self) -> bool {
        self != State::Waiting(Queueing::Patient)
    }
}

pub(super) struct Claim<W> {
    pub(super) mode: Mode,
    pub(super) state: State,
    /// Its position among the claims that wait in the same way: the arrival number when it was
    /// added, or when it became due.
    pub(super) arrival: u64,
    /// The arrival number when it last checked. It has counted the held claims of a lower rank.
    pub(super) seen: u64,
    /// While it is held: the arrival number when it was added, or 0 if all claims that wait have
    /// counted it.
    pub(super) rank: u64,
    /// How often it was overtaken: how often it checked again and was still blocked, or another
    /// claim became due before it.
    pub(super) passes: u32,
    pub(super) place: Place,
    /// The first claim of its group. `blockers` and `waiter` are those of the leader, for the whole
    /// group.
    pub(super) leader: ClaimId,
    /// 64 bits wide, because it counts pairs of claims, and the number of claims fits into 32 bits.
    pub(super) blockers: u64,
    pub(super) waiter: Option<W>,
    /// The next claim of the same group.
    pub(super) sibling: Option<ClaimId>,
    /// If this claim is an upgrade: the claim that it upgrades, or that claim's proxy.
    pub(super) upgrades: Option<ClaimId>,
}

/// What decides whether others wait for a claim.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    state: State,
    arrival: u64,
    rank: u64,
}

impl<W> Claim<W> {
    pub(super) fn is_patient(&self) -> bool {
        self.state == State::Waiting(Queueing::Patient)
    }

    /// Whether it waits, and new claims do not overtake it.
    pub(super) fn is_due(&self) -> bool {
        self.state != State::Held && self.state.stops_new_claims()
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { state: self.state, arrival: self.arrival, rank: self.rank }
    }

    /// Whether this claim waits for a conflicting claim with this standing (R1, R2).
    pub(super) fn is_behind(&self, ahead: Standing) -> bool {
        use Queueing::{Due, Patient, Reentrant, Upgrade};
        let State::Waiting(queueing) = self.state else { return false };
        match (queueing, ahead.state) {
            (_, State::Held) => ahead.rank < self.seen,
            (Due, State::Waiting(Patient)) => false,
            (Due | Patient, State::Waiting(Reentrant | Upgrade)) => true,
            (Patient, State::Waiting(Due)) => true,
            (Due, State::Waiting(Due)) | (Patient, State::Waiting(Patient)) => {
                ahead.arrival < self.arrival
            }
            (Reentrant | Upgrade, State::Waiting(Due | Patient | Upgrade)) => false,
            // The owner of the re-entrant claim may hold what the upgrade waits for. So the
            // re-entrant claim never waits for the upgrade.
            (Upgrade, State::Waiting(Reentrant)) => true,
            // Both are shared.
            (Reentrant, State::Waiting(Reentrant)) => false,
        }
    }
}

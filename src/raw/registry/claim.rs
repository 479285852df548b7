//! A claim as the registry keeps it, and which others it waits for.

use crate::Mode;
use crate::raw::place::Place;

/// The number of a claim in the registry; used again once the claim has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimId(pub(super) u32);

/// How a claim waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queueing {
    /// Behind every conflicting claim that is there; newcomers that are held at once, and due claims, pass it.
    Patient,
    /// Behind what is held and what is due, and passed by nobody.
    Due,
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

impl State {
    /// Whether newcomers wait for such a claim.
    pub(super) fn stops_newcomers(self) -> bool {
        self != State::Waiting(Queueing::Patient)
    }
}

pub(super) struct Claim<W> {
    pub(super) mode: Mode,
    pub(super) state: State,
    /// Its place among those that wait in the same way: when it came, or when it became due.
    pub(super) arrival: u64,
    /// Up to where it has counted the ranks of those that are held: when it last looked.
    pub(super) seen: u64,
    /// Its rank among those that are held: when it came, or 0 if all that wait have counted it.
    pub(super) rank: u64,
    /// How often it was passed: looked again in vain, or saw another become due before it.
    pub(super) passes: u32,
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

    /// Whether it waits and newcomers do not pass it.
    pub(super) fn is_due(&self) -> bool {
        self.state != State::Held && self.state.stops_newcomers()
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { state: self.state, arrival: self.arrival, rank: self.rank }
    }

    /// Whether this claim waits for conflicting claims of that standing (R1, R2).
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
            // An upgrade waits for what the re-entrant one's owner holds, so never the other way round.
            (Upgrade, State::Waiting(Reentrant)) => true,
            // Both are shared.
            (Reentrant, State::Waiting(Reentrant)) => false,
        }
    }
}

use super::{Queueing, Registry};
use crate::Mode::Exclusive;
use crate::Span;

/// 65,536 claims over as many parts of a group are one pair too many for 32 bits.
#[test]
fn a_group_may_be_blocked_by_more_pairs_than_fit_into_32_bits() {
    let mut registry = Registry::new();
    let leader = registry.wait(Span::from_range(0..1), Exclusive, Queueing::InLine, u32::MAX, ());
    registry.wait_with(leader, Span::from_range(1..2), Exclusive, u32::MAX);
    assert_eq!(registry.claim(leader).blockers, 2 * u64::from(u32::MAX));
}

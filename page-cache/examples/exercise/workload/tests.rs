use fastrand::Rng;

use super::{Mix, Plan, TOTAL, WEIGHTS, Workload, longest};
use crate::page_size::page_size;
use crate::workload::met::Met;
use crate::workload::op::Path;

fn plans(seed: u64, thread: u16, limit: u64, len: u64) -> Vec<Plan> {
    let mut workload = Workload::new(seed, thread, limit, Mix::Usual);
    let met = Met::default();
    Path::ALL.into_iter().for_each(|path| met.note(path));
    (0..20_000).map(|_| workload.next(len, &met)).collect()
}

#[test]
fn the_weights_add_up_and_name_each_path_once() {
    assert_eq!(WEIGHTS.iter().map(|(_, weight)| weight).sum::<u32>(), TOTAL);
    for path in Path::ALL {
        assert_eq!(WEIGHTS.iter().filter(|(other, _)| *other == path).count(), 1, "{path}");
    }
}

#[test]
fn every_operation_stays_below_the_limit_and_has_a_byte() {
    for limit in [1, 4096, 4097, 1 << 20, 1 << 40] {
        for len in [0, limit / 2, limit, limit + 8192] {
            for plan in plans(1, 0, limit, len) {
                assert!(plan.bytes.start < plan.bytes.end, "{plan:?} below {limit}");
                assert!(plan.bytes.end <= limit && plan.len <= limit, "{plan:?} below {limit}");
                let count = plan.bytes.end - plan.bytes.start;
                let is_bounded = !matches!(
                    plan.path,
                    Path::Punch
                        | Path::ZeroRange
                        | Path::Allocate
                        | Path::Writeback
                        | Path::SyncRange
                        | Path::DirtyPages
                        | Path::Hint
                );
                assert!(!is_bounded || count <= longest() as u64, "{plan:?}");
            }
        }
    }
}

#[test]
fn a_seed_gives_the_same_operations_again() {
    assert_eq!(plans(5, 1, 1 << 28, 1 << 27), plans(5, 1, 1 << 28, 1 << 27));
    assert_ne!(plans(5, 1, 1 << 28, 1 << 27), plans(5, 2, 1 << 28, 1 << 27));
    assert_ne!(plans(5, 1, 1 << 28, 1 << 27), plans(6, 1, 1 << 28, 1 << 27));
}

#[test]
fn truncation_keeps_the_file_in_its_upper_half() {
    for plan in plans(3, 0, 1 << 28, 1 << 28) {
        assert!(plan.len >= 1 << 27);
    }
}

#[test]
fn aligned_unaligned_and_longer_operations_are_mixed() {
    let plans = plans(9, 0, 1 << 28, 1 << 28);
    let share = |chosen: fn(&Plan) -> bool| plans.iter().filter(|plan| chosen(plan)).count();
    assert!(share(|plan| plan.bytes.start.is_multiple_of(page_size())) > plans.len() / 4);
    assert!(share(|plan| !plan.bytes.start.is_multiple_of(512)) > plans.len() / 8);
    assert!(share(|plan| plan.bytes.end - plan.bytes.start > page_size()) > plans.len() / 8);
}

#[test]
fn what_a_file_has_not_covered_is_chosen_soon() {
    let mut workload = Workload::new(1, 0, 1 << 40, Mix::Usual);
    let met = Met::default();
    for _ in 0..1000 {
        met.note(workload.next(1 << 39, &met).path);
    }
    assert_eq!(met.lacking(&mut Rng::with_seed(1)), None);
}

#[test]
fn shifts_are_the_rarer_the_longer_the_file_is() {
    let shifts = |limit| {
        let is_shift = |plan: &&Plan| matches!(plan.path, Path::Collapse | Path::Insert);
        let of_seed = |seed| plans(seed, 0, limit, limit).iter().filter(is_shift).count();
        (0..10).map(of_seed).sum::<usize>()
    };
    let (short, long) = (shifts(1 << 20), shifts(1 << 24));
    assert!(short > 8 * long && long > 0, "{short} and {long}");
}

#[test]
fn a_file_is_truncated_before_an_insertion_that_does_not_fit() {
    let (limit, met) = (1 << 20, Met::default());
    Path::ALL.into_iter().filter(|path| *path != Path::Insert).for_each(|path| met.note(path));
    for seed in 0..20 {
        let mut workload = Workload::new(seed, 0, limit, Mix::Usual);
        let mut len = limit;
        let inserts = (0..100).any(|_| {
            let plan = workload.next(len, &met);
            if plan.path == Path::Truncate {
                len = plan.len;
            }
            plan.path == Path::Insert && len + plan.bytes.end - plan.bytes.start <= limit
        });
        assert!(inserts, "seed {seed}");
    }
}

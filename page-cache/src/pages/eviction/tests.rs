use std::collections::HashSet;

use super::{FrameId, Key, Place, Queues, Round, Verdict, Victims};

fn key(page: u64) -> Key {
    Key { file: 1, page }
}

impl Queues {
    /// The frames in both queues.
    pub(crate) fn ids(&self) -> Vec<FrameId> {
        contents(self).concat()
    }
}

/// Walks both queues from tail to head.
fn contents(queues: &Queues) -> [Vec<FrameId>; 2] {
    [&queues.small, &queues.main].map(|queue| {
        let next = |&id: &FrameId| Some(queues.links[super::place_of(id)].newer);
        let ids = std::iter::successors(next(&queue.ends), next);
        let ids: Vec<_> = ids.take_while(|&id| id != queue.ends).collect();
        assert_eq!(ids.len(), queue.len as usize);
        ids
    })
}

/// Evicts one page, where the frames in `used` were used and those in `busy` are not to be had.
fn evict(queues: &mut Queues, used: &mut HashSet<FrameId>, busy: &[FrameId]) -> Option<FrameId> {
    let victim = (0..200).find_map(|_| {
        queues.step(Victims::Any, |id| match id {
            id if used.remove(&id) => Verdict::Used,
            id if busy.contains(&id) => Verdict::Busy,
            id => Verdict::Taken(id),
        })
    })?;
    queues.evicted(victim, key(u64::from(victim)));
    Some(victim)
}

/// Twenty frames, the small queue's share being four, full of the pages of their own numbers.
fn full() -> Queues {
    let mut queues = Queues::new(20);
    (0..20).for_each(|id| queues.admit(id, key(u64::from(id))));
    queues
}

#[test]
fn unused_pages_are_evicted_in_the_order_in_which_they_were_added() {
    let mut queues = full();
    let order: Vec<_> = (0..20).map(|_| evict(&mut queues, &mut HashSet::new(), &[])).collect();
    assert_eq!(order, (0..20).map(Some).collect::<Vec<_>>());
    assert_eq!(evict(&mut queues, &mut HashSet::new(), &[]), None);
}

#[test]
fn a_page_that_comes_back_while_it_is_remembered_goes_to_main() {
    let mut queues = full();
    assert_eq!(evict(&mut queues, &mut HashSet::new(), &[]), Some(0));
    queues.admit(0, key(0));
    assert_eq!(contents(&queues)[1], [0]);
    queues.remove(0);
    queues.admit(0, key(0));
    assert_eq!(contents(&queues)[1], []);
}

#[test]
fn uses_in_quick_succession_are_one_and_only_a_later_one_leads_to_main() {
    let mut queues = full();
    let mut used = HashSet::from([0]);
    assert_eq!(evict(&mut queues, &mut used, &[]), Some(1));
    assert_eq!(queues.links[super::place_of(0)].place, Place::Small(Round::Second));
    used.insert(0);
    for expected in 2..20 {
        assert_eq!(evict(&mut queues, &mut used, &[]), Some(expected));
    }
    assert_eq!(queues.links[super::place_of(0)].place, Place::Small(Round::Second));
    assert_eq!(evict(&mut queues, &mut used, &[]), Some(0));
    assert!(used.is_empty());
}

#[test]
fn a_page_of_main_that_is_used_outlives_a_scan_of_any_length() {
    let mut queues = full();
    evict(&mut queues, &mut HashSet::new(), &[]);
    queues.admit(0, key(0));
    for page in 0..10_000 {
        let mut used = HashSet::from([0]);
        let victim = evict(&mut queues, &mut used, &[]).unwrap();
        assert_ne!(victim, 0);
        queues.admit(victim, key(1000 + page));
    }
}

#[test]
fn where_one_queue_has_nothing_but_busy_pages_the_other_gives() {
    let mut queues = full();
    let small: Vec<_> = (0..19).collect();
    queues.remove(19);
    queues.ghosts.insert(key(19));
    queues.admit(19, key(19));
    assert_eq!(contents(&queues)[1], [19]);
    assert_eq!(evict(&mut queues, &mut HashSet::new(), &small), Some(19));
    assert_eq!(evict(&mut queues, &mut HashSet::new(), &small), None);
    assert_eq!(evict(&mut queues, &mut HashSet::new(), &small[1..]), Some(0));
}

#[test]
fn main_gives_nothing_while_the_small_queue_has_its_share_or_more() {
    let mut queues = full();
    evict(&mut queues, &mut HashSet::new(), &[]);
    queues.admit(0, key(0));
    assert_eq!(contents(&queues)[1], [0]);
    // Sixteen of nineteen go, and leave one less than the share.
    let order: Vec<_> = (0..17).map(|_| evict(&mut queues, &mut HashSet::new(), &[])).collect();
    assert_eq!(order, (1..=16).chain([0]).map(Some).collect::<Vec<_>>());
}

#[test]
fn a_queue_that_is_all_busy_and_the_other_take_turns() {
    let mut queues = Queues::new(20);
    (10..20).for_each(|id| queues.ghosts.insert(key(id)));
    (0..20).for_each(|id| queues.admit(id, key(u64::from(id))));
    assert_eq!(contents(&queues).map(|ids| ids.len()), [10, 10]);
    let mut looked = Vec::new();
    for _ in 0..16 {
        queues.step(Victims::Any, |id| {
            looked.push(id);
            if id < 10 { Verdict::<()>::Busy } else { Verdict::Used }
        });
    }
    assert_eq!(looked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 11, 1, 12, 2]);
}

#[test]
fn a_tenth_of_the_frames_and_four_at_least_are_the_small_queues() {
    assert_eq!(Queues::new(20).small_target(), 4);
    assert_eq!(Queues::new(200).small_target(), 20);
}

/// Readahead takes half of what the small queue has to itself, at most, and not what is in use.
#[test]
fn the_small_queue_gives_while_it_is_more_than_half_full_and_not_all_busy() {
    let mut queues = Queues::new(20);
    let mut gives = Vec::new();
    for id in 0..4 {
        queues.admit(id, key(u64::from(id)));
        gives.push(queues.small_gives());
    }
    assert_eq!(gives, [false, false, true, true]);
    for busy in 1..=4 {
        assert!(queues.step(Victims::Small, |_| Verdict::<()>::Busy).is_none());
        assert_eq!(queues.small_gives(), busy < 4);
    }
    queues.step(Victims::Small, |_| Verdict::<()>::Used);
    assert!(queues.small_gives());
}

#[test]
fn random_steps_keep_each_frame_in_one_queue_at_most() {
    let mut queues = Queues::new(50);
    let mut random = fastrand::Rng::with_seed(1);
    let mut linked: HashSet<FrameId> = HashSet::new();
    for _ in 0..20_000 {
        let id = random.u32(0..50);
        match random.u32(0..4) {
            0 | 1 if linked.insert(id) => queues.admit(id, key(random.u64(0..200))),
            2 if linked.remove(&id) => queues.remove(id),
            _ => {
                let used = random.u32(0..50);
                let looked = queues.step(Victims::Any, |id| match id % 3 {
                    0 if id > used => Verdict::Busy,
                    _ if id == used => Verdict::Used,
                    _ => Verdict::Taken(id),
                });
                if let Some(id) = looked {
                    assert!(linked.remove(&id));
                    queues.evicted(id, key(random.u64(0..200)));
                }
            }
        }
        let [small, main] = contents(&queues);
        assert_eq!(small.len() + main.len(), linked.len());
        assert!(small.iter().chain(&main).all(|id| linked.contains(id)));
    }
}

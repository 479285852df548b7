use super::*;

const OBSTACLES: [Obstacle; 5] = [
    Obstacle::Conflict,
    Obstacle::Undecided,
    Obstacle::Collision,
    Obstacle::NoCell,
    Obstacle::Registry,
];

#[test]
fn a_hold_is_one_word_and_has_what_was_put_into_it() {
    let word = AtomicU64::new(0);
    let claim = ClaimId::from_number(u32::MAX >> Hold::KIND_BITS);
    let taken = TakenCell::from_bits(TakenCell::MOST);
    let holds = [
        (Hold::NOTHING, Kind::Nothing),
        (Hold::slot(&word), Kind::Slot),
        (Hold::reader(&word), Kind::Reader),
        (Hold::cell(TakenCell::from_bits(0)), Kind::Cell(TakenCell::from_bits(0))),
        (Hold::cell(taken), Kind::Cell(taken)),
        (Hold::claim(claim), Kind::Claim(claim)),
    ];
    for (hold, kind) in holds {
        assert_eq!(hold.kind(), kind);
        assert_eq!(Attempted::held(hold).result(), Ok(hold));
        // SAFETY: `word` lives longer.
        let entered = unsafe { hold.word() };
        let is_in_a_word = matches!(kind, Kind::Slot | Kind::Reader);
        assert_eq!(entered.map(ptr::from_ref), is_in_a_word.then_some(ptr::from_ref(&word)));
    }
    assert_eq!(size_of::<Hold>(), size_of::<usize>());
}

#[test]
fn an_attempt_has_the_obstacle_that_was_put_into_it() {
    for obstacle in OBSTACLES {
        assert_eq!(Attempted::refused(obstacle).result(), Err(obstacle));
    }
}

use super::*;

fn memory<const N: usize>() -> [MaybeUninit<u8>; N] {
    [MaybeUninit::uninit(); N]
}

#[test]
fn what_was_filled_from_the_start_on_is_initialised() {
    let mut bytes = memory::<10>();
    let mut to = Uninit::new(&mut bytes);
    assert!((&mut to).copy_nofault(0, b"abc"));
    let found = (&mut to).put(3, 4, |part| {
        assert_eq!(part, [0; 4]);
        part[..2].copy_from_slice(b"de");
        Ok(2)
    });
    assert_eq!(found.unwrap(), 2);
    assert_eq!(to.into_filled(5), b"abcde");
}

#[test]
#[should_panic(expected = "6 bytes were read, and 2 were filled")]
fn bytes_behind_a_gap_do_not_count() {
    let mut bytes = memory::<10>();
    let mut to = Uninit::new(&mut bytes);
    assert!((&mut to).copy_nofault(0, b"ab"));
    assert!((&mut to).copy_nofault(4, b"ef"));
    let _ = to.into_filled(6);
}

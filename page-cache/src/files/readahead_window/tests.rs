use super::*;

#[test]
fn a_window_without_a_bound_doubles_up_to_the_greatest_number() {
    let windows = ReadaheadWindows::new(usize::MAX, u64::MAX);
    let longest = (0..100).map(|page| windows.run(page..page + 1, u64::MAX).end).max();
    assert_eq!(longest, Some(u64::MAX));
}

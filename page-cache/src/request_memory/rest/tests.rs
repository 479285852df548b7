use std::io::IoSlice;

use super::super::Gather;
use super::*;

#[test]
fn what_is_left_begins_at_its_position_and_counts_from_there() {
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
    let gather = Gather::new(&slices);
    let rest = Rest::new(&gather, 1);
    assert_eq!(rest.bytes(), 5);
    let mut seen = [0; 3];
    assert_eq!(rest.copy_nofault(1, &mut seen), 3);
    assert_eq!(&seen, b"cde");
    assert_eq!(rest.bring_in(2, 3, &mut Vec::new()).unwrap(), b"def");
    assert_eq!(Rest::new(rest, 4).bytes(), 1);
}

use super::{Seen, check};
use crate::oracle::allowed_versions::{Content, Effect, IN_FLIGHT, Version};
use crate::oracle::stamp::Stamp;
use crate::workload::op::Path;

fn version(path: Path, sequence: u64, begun: u64, ended: u64) -> Version {
    let content = Content::Of(Stamp::new(path, 0, sequence));
    let effect = if ended == IN_FLIGHT { Effect::Possible } else { Effect::Certain };
    Version { content, bytes: 4096..8192, begun, ended, effect }
}

/// A reader that may see any of `possible` at `start`, and has seen the first `found` of them.
fn seen(start: u64, possible: &[&Version], found: usize) -> Seen {
    let possible: Vec<_> = possible.iter().copied().cloned().collect();
    Seen { bytes: start..start + 512, found: possible[..found].to_vec(), possible }
}

#[test]
fn a_page_of_one_write_is_whole_and_so_is_one_of_two_that_overlapped() {
    let (old, new) = (version(Path::Write, 1, 1, 5), version(Path::Write, 2, 4, 6));
    assert_eq!(check(&[seen(4096, &[&new, &old], 1), seen(4608, &[&new, &old], 1)]), Ok(()));
    assert_eq!(check(&[seen(4096, &[&new, &old], 1), seen(4608, &[&old, &new], 1)]), Ok(()));
}

#[test]
fn a_page_with_bytes_from_before_a_write_that_it_shows_is_torn() {
    let (old, new) = (version(Path::Write, 1, 1, 3), version(Path::Write, 2, 4, IN_FLIGHT));
    let torn = check(&[seen(4096, &[&old, &new], 1), seen(4608, &[&new, &old], 1)]).unwrap_err();
    assert_eq!(torn.newer, (4608..5120, new.clone()));
    assert_eq!(torn.older, (4096..4608, old.clone()));
    assert!(check(&[seen(4096, &[&new, &old], 1), seen(4608, &[&old, &new], 1)]).is_err());
}

#[test]
fn two_pages_may_show_different_moments() {
    let (old, new) = (version(Path::Write, 1, 1, 3), version(Path::Write, 2, 4, 9));
    assert_eq!(check(&[seen(8192, &[&old, &new], 1), seen(4608, &[&new, &old], 1)]), Ok(()));
}

#[test]
fn a_write_that_is_not_possible_in_one_place_tears_nothing() {
    let (settled, new) = (version(Path::Write, 1, 0, 0), version(Path::Write, 2, 4, 9));
    assert_eq!(check(&[seen(4096, &[&settled], 1), seen(4608, &[&new, &settled], 1)]), Ok(()));
}

#[test]
fn a_mapped_store_may_come_in_parts() {
    let (old, new) = (version(Path::Write, 1, 1, 3), version(Path::Store, 2, 4, 9));
    assert_eq!(check(&[seen(4096, &[&old, &new], 1), seen(4608, &[&new, &old], 1)]), Ok(()));
}

#[test]
fn zeroes_that_may_be_newer_are_not_called_older() {
    let hole =
        |begun, ended| Version { content: Content::Zero, ..version(Path::Punch, 0, begun, ended) };
    let (before, after, new) = (hole(1, 2), hole(10, 11), version(Path::Write, 2, 4, 9));
    let zeroes = seen(4096, &[&before, &after, &new], 2);
    assert_eq!(check(&[zeroes, seen(4608, &[&new], 1)]), Ok(()));
    assert!(check(&[seen(4096, &[&before, &new], 1), seen(4608, &[&new], 1)]).is_err());
}

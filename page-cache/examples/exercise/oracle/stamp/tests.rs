use super::{Found, POISON, Piece, SECTOR, Stamp, UNFILLED, sectors};
use crate::workload::op::Path;

const ONE: Stamp = Stamp::new(Path::Write, 3, 17);
const OTHER: Stamp = Stamp::new(Path::DirectWrite, 0, 1 << 34);

#[test]
fn a_stamp_contains_its_operation_thread_and_sequence() {
    assert_eq!(ONE.to_string(), "write #3.17");
    assert_eq!(OTHER.to_string(), "direct write #0.17179869184");
}

#[test]
fn a_whole_sector_is_decoded_with_the_place_it_was_made_for() {
    let found = Found::decode(&ONE.sector(8192), 512, 0);
    assert_eq!(found, Found::Intact { stamp: ONE, offset: 8192 });
}

#[test]
fn one_changed_bit_anywhere_is_seen() {
    let whole = ONE.sector(1024);
    for bit in 0..SECTOR * 8 {
        let mut bytes = whole;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = Found::decode(&bytes, 1024, 0);
        assert!(!matches!(found, Found::Intact { .. }), "bit {bit} of {found:?}");
    }
}

#[test]
fn a_torn_sector_names_both_its_writes() {
    let mut bytes = ONE.sector(4096);
    bytes[256..].copy_from_slice(&OTHER.sector(4096)[256..]);
    let found = Found::decode(&bytes, 4096, 0);
    let pieces = vec![(0..256, Piece::Of(ONE)), (256..512, Piece::Of(OTHER))];
    assert_eq!(found, Found::Torn(pieces));
    assert_eq!(
        found.to_string(),
        "torn: [0..256] write #3.17; [256..512] direct write #0.17179869184;"
    );
}

#[test]
fn a_part_of_a_sector_is_decoded_by_its_words() {
    let whole = ONE.sector(4096);
    assert_eq!(Found::decode(&whole[100..300], 4096, 100), Found::All(Piece::Of(ONE)));
    assert_eq!(Found::decode(&whole[..40], 4096, 0), Found::All(Piece::Of(ONE)));
}

#[test]
fn fills_are_distinguished_from_stamps() {
    for (fill, piece) in [(POISON, Piece::Poison), (0, Piece::Zeroes), (UNFILLED, Piece::Unfilled)]
    {
        assert_eq!(Found::decode(&[fill; SECTOR], 0, 0), Found::All(piece));
    }
    assert_eq!(Found::decode(&[7; SECTOR], 0, 0), Found::All(Piece::Unknown));
}

#[test]
fn words_of_another_place_are_no_stamp() {
    let mut bytes = ONE.sector(4096);
    bytes[..8].fill(9);
    assert_eq!(Found::decode(&bytes, 8192, 0), Found::All(Piece::Unknown));
}

#[test]
fn an_unaligned_write_puts_the_same_bytes_as_its_sectors() {
    let mut bytes = vec![0; 1500];
    ONE.fill(&mut bytes, 700);
    assert_eq!(bytes[..324], ONE.sector(512)[188..]);
    assert_eq!(bytes[324..836], ONE.sector(1024));
    assert_eq!(bytes[1348..], ONE.sector(2048)[..152]);
}

#[test]
fn bytes_are_cut_at_the_borders_of_sectors() {
    assert_eq!(sectors(700, 400).collect::<Vec<_>>(), [(512, 0..324), (1024, 324..400)]);
    assert_eq!(sectors(512, 512).collect::<Vec<_>>(), [(512, 0..512)]);
    assert_eq!(sectors(513, 1).collect::<Vec<_>>(), [(512, 0..1)]);
    assert_eq!(sectors(700, 0).count(), 0);
}

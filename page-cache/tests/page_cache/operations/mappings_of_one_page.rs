//! A page that more mappings have than its frame has entries for.

use spanlock_page_cache::{MemStore, Options, PageCache};

const PAGE: u64 = 4096;

#[test]
fn more_mappings_of_a_page_than_its_frame_has_entries_all_see_its_bytes() {
    let cache: PageCache = PageCache::with_options(Options::new(64));
    let file = cache.open(MemStore::new()).unwrap();
    file.set_len(1 << 40).unwrap();
    let far = (1 << 40) - PAGE;
    let mappings: Vec<_> = (0..8).map(|_| file.map(0..1 << 40).unwrap()).collect();
    let part = file.map(far..far + PAGE).unwrap();
    for (round, mapping) in mappings.iter().cycle().take(40).enumerate() {
        mapping.store(far, &[round as u8]).unwrap();
        let mut seen = [0];
        for other in &mappings {
            other.load(far, &mut seen).unwrap();
            assert_eq!(seen, [round as u8]);
        }
        part.load(0, &mut seen).unwrap();
        assert_eq!(seen, [round as u8]);
        match round % 4 {
            0 => file.sync_data().unwrap(),
            1 => file.punch_hole(far, PAGE).unwrap(),
            2 => file.set_len(far).unwrap(),
            _ => {}
        }
        if round % 4 == 2 {
            assert!(mapping.load(far, &mut seen).is_err());
            file.set_len(1 << 40).unwrap();
        }
    }
}

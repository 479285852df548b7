use crate::PageCache;

#[test]
fn the_limit_follows_the_capacity() {
    let cache = PageCache::new(1024);
    let pins = &cache.shared.pool.task_pins;
    for (capacity, most) in [(1024, 32), (256, 8), (16, 1), (512, 16)] {
        cache.set_capacity(capacity).unwrap();
        let admitted = (0..100).filter(|_| pins.admit()).count();
        assert_eq!(admitted, most, "of {capacity}");
        (0..admitted).for_each(|_| pins.remove());
    }
}

use super::PageSize;

fn sizes() -> impl Iterator<Item = PageSize> {
    (12..=16).map(|shift| PageSize::new(1 << shift).unwrap())
}

#[test]
fn arithmetic_by_shifts_agrees_with_division() {
    for page in sizes() {
        let len = page.bytes();
        let edges = [0, 1, len - 1, len, len + 1, 7 * len - 1, 7 * len, i64::MAX as u64];
        for at in edges {
            assert_eq!(page.place(at), (at / len, (at % len) as usize));
            assert_eq!(page.left(at) as u64, len - at % len);
            assert_eq!(page.count(at), at.div_ceil(len));
            assert_eq!(page.is_start(at), at.is_multiple_of(len));
            assert_eq!(page.round_down(at), at / len * len);
            assert_eq!(page.round_up(at), at.next_multiple_of(len));
            assert_eq!(page.start(at / len), at / len * len);
            assert_eq!(page.end(at / len), (at / len + 1) * len);
            assert!(page.touched(&(at..at)).is_empty());
            for end in edges.into_iter().filter(|&end| end > at) {
                assert_eq!(page.touched(&(at..end)), at / len..end.div_ceil(len));
                assert_eq!(page.covered(&(at..end)), at.div_ceil(len)..end / len);
            }
        }
    }
}

#[test]
fn the_greatest_offset_is_in_a_page_and_no_page_ends_after_it() {
    for page in sizes() {
        assert_eq!(page.count(u64::MAX), page.number(u64::MAX) + 1);
        assert_eq!(page.end(page.number(u64::MAX)), u64::MAX);
        assert_eq!(page.end(u64::MAX), u64::MAX);
    }
}

#[test]
fn a_page_size_is_a_power_of_two_from_4_to_64_kib() {
    let lens: Vec<usize> = sizes().map(PageSize::len).collect();
    assert_eq!(lens, [4096, 8192, 16384, 32768, 65536]);
    for wrong in [0, 1, 2048, 4095, 4097, 12288, 65535, 131_072, usize::MAX] {
        assert_eq!(PageSize::new(wrong), None);
    }
}

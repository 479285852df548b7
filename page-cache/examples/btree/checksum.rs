//! Checksums: of pages, on their way to the store and back, and of log records.

use std::io::{self, ErrorKind};

use spanlock_page_cache::{PAGE_SIZE, PageTransform};

/// Where a page's checksum is. The tree does not use these bytes.
pub const SUM_AT: usize = PAGE_SIZE - 8;

/// A checksum that detects torn pages and pages in a wrong place. It is not cryptographic.
pub fn sum(seed: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = seed.wrapping_add(1).wrapping_mul(FACTOR);
    for part in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        sum = (sum.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    sum ^ sum >> 32 ^ bytes.len() as u64
}

/// Writes the checksum into a page that is sent, and checks it in a page that is read.
pub struct Checksums;

impl PageTransform for Checksums {
    fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        let (data, end) = bytes.split_at_mut(SUM_AT);
        end.copy_from_slice(&sum(page, data).to_le_bytes());
        Ok(())
    }

    fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
        let (data, end) = bytes.split_at_mut(SUM_AT);
        let found = u64::from_le_bytes((&*end).try_into().expect("eight bytes"));
        let is_fresh = found == 0 && data.iter().all(|&byte| byte == 0);
        if !is_fresh && found != sum(page, data) {
            let message = format!("page {page} has a wrong checksum");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        // In the cache these bytes are zero, so that equal contents are equal pages.
        end.fill(0);
        Ok(())
    }
}

#[test]
fn a_page_that_is_torn_or_in_a_wrong_place_is_found_out() {
    let mut page = vec![7; PAGE_SIZE];
    Checksums.encode(3, &mut page).unwrap();
    Checksums.decode(3, &mut page.clone()).unwrap();
    Checksums.decode(4, &mut page.clone()).unwrap_err();
    page[512..].fill(0);
    Checksums.decode(3, &mut page).unwrap_err();
    Checksums.decode(3, &mut [0; PAGE_SIZE]).unwrap();
}

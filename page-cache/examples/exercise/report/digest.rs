//! A digest of the operations of a run and of their results, to compare two runs.

use std::fmt;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Depends on all words that were added, and on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    }

    pub fn add_bytes(&mut self, bytes: &[u8]) {
        self.add(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        for &byte in rest {
            self.add(u64::from(byte));
        }
    }
}

impl Digest {
    pub fn value(self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    fn of(bytes: &[u8]) -> Digest {
        let mut digest = Digest::default();
        digest.add_bytes(bytes);
        digest
    }

    #[test]
    fn every_byte_and_its_place_count() {
        let bytes: Vec<u8> = (0..21).collect();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x80;
            assert_ne!(of(&bytes), of(&other), "byte {at}");
        }
        assert_ne!(of(&bytes), of(&bytes[..20]));
        assert_ne!(of(&[0]), of(&[0, 0]));
        assert_eq!(of(&bytes), of(&bytes.clone()));
    }
}

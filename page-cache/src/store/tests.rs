use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{FileStore, MemStore, Store};

mod direct;
#[cfg(unix)]
mod faults;
mod holes;
mod layer;
mod max_len;
mod size_and_extents;

pub(super) struct TempFile(pub(super) PathBuf);

impl TempFile {
    pub(super) fn new() -> io::Result<TempFile> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "spanlock-store-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::File::create(&path)?;
        Ok(TempFile(path))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Runs the same random requests on `store` and on a plain vector.
pub(super) fn agrees_with_a_vector(store: &dyn Store) {
    let mut model: Vec<u8> = Vec::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for step in 0..600_u32 {
        let (offset, len) = (random(40_000) as usize, random(9_000) as usize + 1);
        match random(12) {
            8 => {
                let (offset, len) = (offset & !4095, len.next_multiple_of(4096));
                let outcome = store.collapse_range(offset as u64, len as u64);
                assert_eq!(outcome.is_ok(), offset + len < model.len(), "step {step}: {outcome:?}");
                if outcome.is_ok() {
                    drop(model.drain(offset..offset + len));
                }
            }
            9 => {
                let (offset, len) = (offset & !4095, len.next_multiple_of(4096));
                let outcome = store.insert_range(offset as u64, len as u64);
                assert_eq!(outcome.is_ok(), offset < model.len(), "step {step}: {outcome:?}");
                if outcome.is_ok() {
                    drop(model.splice(offset..offset, vec![0; len]));
                }
            }
            10 => {
                store.zero_range(offset as u64, len as u64).unwrap();
                model.resize(model.len().max(offset + len), 0);
                model[offset..offset + len].fill(0);
            }
            11 => {
                store.allocate(offset as u64, len as u64).unwrap();
                model.resize(model.len().max(offset + len), 0);
            }
            0 => {
                store.set_len(offset as u64).unwrap();
                model.resize(offset, 0);
            }
            1 => {
                store.punch_hole(offset as u64, len as u64).unwrap();
                let end = (offset + len).min(model.len());
                if offset < end {
                    model[offset..end].fill(0);
                }
            }
            2..5 => {
                let bytes = vec![step as u8 | 1; len];
                assert_eq!(store.write_at(&bytes, offset as u64).unwrap(), len);
                model.resize(model.len().max(offset + len), 0);
                model[offset..offset + len].copy_from_slice(&bytes);
            }
            _ => {
                let mut bytes = vec![0xff; len];
                let found = store.read_at(&mut bytes, offset as u64).unwrap();
                let expected = model.get(offset..).unwrap_or_default();
                let expected = &expected[..expected.len().min(len)];
                assert_eq!(&bytes[..found], expected, "step {step}: {len} bytes at {offset}");
            }
        }
        assert_eq!(store.len().unwrap(), model.len() as u64, "step {step}");
    }
    store.sync().unwrap();
}

#[test]
fn a_mem_store_agrees_with_a_vector() {
    agrees_with_a_vector(&MemStore::new());
}

#[test]
fn a_file_store_agrees_with_a_vector() {
    let file = TempFile::new().unwrap();
    agrees_with_a_vector(&FileStore::open(&file.0).unwrap());
}

#[test]
fn a_direct_file_store_agrees_with_a_vector() {
    let file = TempFile::new().unwrap();
    match FileStore::open_direct(&file.0) {
        Ok(store) => agrees_with_a_vector(&store),
        // Some file systems have no direct IO.
        Err(error) => {
            assert!(matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ));
        }
    }
}

#[test]
fn a_punched_mem_store_frees_its_blocks() {
    let store = MemStore::new();
    store.write_at(&[1; 3 * 4096], 0).unwrap();
    store.punch_hole(1, 4096 * 2).unwrap();
    assert_eq!(store.blocks(), 2);
    store.set_len(0).unwrap();
    assert_eq!(store.blocks(), 0);
}

#[test]
fn a_write_past_the_last_offset_is_refused() {
    let error = MemStore::new().write_at(&[1, 2], u64::MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn a_hole_past_the_end_keeps_the_length() {
    let store = MemStore::new();
    store.punch_hole(u64::MAX, u64::MAX).unwrap();
    store.punch_hole(0, u64::MAX).unwrap();
    assert_eq!(store.len().unwrap(), 0);
}

/// A write of part of a sector truncates what it wrote past the end, and nothing that other writes wrote there.
#[test]
fn a_direct_write_of_part_of_a_sector_spares_one_that_extends_the_file() {
    let file = TempFile::new().unwrap();
    // Some file systems have no direct IO.
    let Ok(store) = FileStore::open_direct(&file.0) else { return };
    for round in 0..300 {
        store.set_len(0).unwrap();
        let start = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                store.write_at(&[1; 100], 0).unwrap();
            });
            start.wait();
            store.write_at(&[2; 4096], 8192).unwrap();
        });
        assert_eq!(store.len().unwrap(), 12_288, "in round {round}");
        let mut page = [0; 4096];
        store.read_at(&mut page, 8192).unwrap();
        assert_eq!(page, [2; 4096], "in round {round}");
    }
}

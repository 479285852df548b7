//! The greatest length of a file, on the file systems that there are.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom};
use std::path::Path;

use super::{FileStore, Store};

/// An unnamed file in each folder whose file system may be another.
fn files() -> Vec<File> {
    let folders = [std::env::temp_dir(), "/dev/shm".into(), "/var/tmp".into(), ".".into()];
    folders.iter().filter_map(|folder| tempfile::tempfile_in(folder).ok()).collect()
}

#[test]
fn a_file_can_be_as_long_as_its_store_says_and_no_longer() {
    for file in files() {
        let store = FileStore::new(file.try_clone().unwrap());
        let most = store.max_len();
        store.set_len(most).unwrap();
        if let Some(longer) = most.checked_add(1).filter(|&longer| longer <= i64::MAX as u64) {
            assert!(file.set_len(longer).is_err(), "{most} is not the most");
            let error = store.set_len(longer).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileTooLarge);
            // To its last byte, and short if there is more.
            store.set_len(0).unwrap();
            assert_eq!(store.write_at(b"last", most - 3).unwrap(), 3);
            assert_eq!(store.len().unwrap(), most);
        }
        for error in past_the_end(&store, most) {
            assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
        }
        assert_eq!(store.len().unwrap(), most);
    }
}

fn past_the_end(store: &FileStore, most: u64) -> Vec<io::Error> {
    vec![
        store.write_at(b"x", most).unwrap_err(),
        store.write_at(b"x", u64::MAX).unwrap_err(),
        store.allocate(most, 1).unwrap_err(),
        store.zero_range(most - 1, 2).unwrap_err(),
        store.zero_range(u64::MAX, 2).unwrap_err(),
        store.insert_range(0, 1 << 62).unwrap_err(),
    ]
}

#[test]
fn to_ask_how_long_a_file_can_be_leaves_its_position_alone() {
    for mut file in files() {
        file.seek(SeekFrom::Start(77)).unwrap();
        let store = FileStore::new(file.try_clone().unwrap());
        assert!(store.max_len() >= 1 << 31);
        assert_eq!(file.stream_position().unwrap(), 77);
    }
}

/// What has no length, and no position.
#[cfg(unix)]
#[test]
fn a_device_is_as_long_as_any() {
    for path in ["/dev/null", "/dev/full", "/dev/zero"].map(Path::new) {
        let Ok(device) = OpenOptions::new().read(true).write(true).open(path) else { continue };
        assert_eq!(FileStore::new(device).max_len(), i64::MAX as u64, "{}", path.display());
    }
}

//! Files of the operating system, which other programs change while they are closed.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use spanlock_page_cache::{File, FileStore, FileStoreOptions, PageCache, Store};

use super::{PAGE, check, keeping, quiet};

/// A file of so many pages of a byte, in a folder of its own.
fn file(pages: u64, byte: u8) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, vec![byte; (pages * PAGE) as usize]).unwrap();
    (folder, path)
}

fn open(cache: &PageCache, path: &Path) -> File {
    cache.open_with(FileStore::open(path).unwrap(), keeping()).unwrap()
}

/// Whether the temporary files are on a file system whose files have versions.
fn has_versions() -> bool {
    let file = FileStore::new(tempfile::tempfile().unwrap());
    file.version().unwrap().is_some()
}

/// Changes a byte as another program does.
fn change(path: &Path, byte: u8, offset: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[byte], offset).unwrap();
}

#[test]
fn a_file_has_its_pages_after_it_was_closed_in_whatever_mode_it_is_opened() {
    if !has_versions() {
        return;
    }
    let (_folder, path) = file(4, 1);
    let cache = quiet(64);
    let opened = open(&cache, &path);
    check(&opened, 0..4, 1);
    drop(opened);
    let options = FileStoreOptions::new;
    for options in [options(), options().read_only(), options().direct(), options()] {
        // Not every file system has direct IO.
        let Ok(store) = options.open(&path) else { continue };
        let opened = cache.open_with(store, keeping()).unwrap();
        assert_eq!(check(&opened, 0..4, 1), 0);
    }
    assert_eq!(cache.stats().kept, 4);
}

/// The file is written immediately before it is closed, and again immediately after, with the same length.
#[test]
fn a_change_immediately_after_the_close_is_seen() {
    let (_folder, path) = file(2, 0);
    let cache = quiet(64);
    for round in (2..=254_u8).step_by(2) {
        let opened = open(&cache, &path);
        check(&opened, 0..1, round - 2);
        opened.write_all_at(&[round - 1], PAGE).unwrap();
        match round % 4 {
            0 => opened.close().unwrap(),
            _ => {
                opened.sync_all().unwrap();
                drop(opened);
            }
        }
        change(&path, round, 0);
        let opened = open(&cache, &path);
        check(&opened, 0..1, round);
        check(&opened, 1..2, round - 1);
    }
}

#[test]
fn a_file_that_was_truncated_extended_replaced_or_removed_is_read_again() {
    let (folder, path) = file(3, 1);
    let cache = quiet(64);
    let closed = |byte| {
        let opened = open(&cache, &path);
        check(&opened, 0..opened.len() / PAGE, byte);
    };
    closed(1);
    fs::File::options().write(true).open(&path).unwrap().set_len(PAGE).unwrap();
    assert_eq!(open(&cache, &path).len(), PAGE);
    closed(1);
    // Truncated to nothing, and of the same length again.
    fs::write(&path, [2; PAGE as usize]).unwrap();
    closed(2);
    let other = folder.path().join("other");
    fs::write(&other, [3; PAGE as usize]).unwrap();
    fs::rename(&other, &path).unwrap();
    closed(3);
    fs::remove_file(&path).unwrap();
    FileStore::open(&path).unwrap_err();
    // It may get the number of the one that was removed.
    fs::write(&path, [4; PAGE as usize]).unwrap();
    closed(4);
    fs::set_permissions(&path, fs::metadata(&path).unwrap().permissions()).unwrap();
    closed(4);
}

/// A program that was started after the close maps the file.
#[test]
fn a_change_by_another_process_is_seen() {
    let (_folder, path) = file(2, b'a');
    let cache = quiet(64);
    for round in b'b'..=b'k' {
        let opened = open(&cache, &path);
        check(&opened, 0..2, round - 1);
        drop(opened);
        let content = String::from_utf8(vec![round; 2 * PAGE as usize]).unwrap();
        let script = "printf %s \"$1\" 1<>\"$0\"";
        let status = Command::new("sh").args(["-c", script]).arg(&path).arg(content).status();
        assert!(status.unwrap().success());
        check(&open(&cache, &path), 0..2, round);
    }
}

/// Threads open a file while another closes it, and change it when it is closed.
#[test]
fn an_open_during_a_close_waits_and_sees_what_was_changed() {
    let (_folder, path) = file(2, 0);
    let cache = quiet(64);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !ended.load(Ordering::Relaxed) {
                let opened = open(&cache, &path);
                let mut seen = [0];
                opened.read_exact_at(&mut seen, 0).unwrap();
                assert!(seen[0] >= last, "{} after {last}", seen[0]);
                last = seen[0];
            }
        });
        for round in 1..=100 {
            let opened = open(&cache, &path);
            opened.write_all_at(&[round], 0).unwrap();
            opened.close().unwrap();
        }
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    check(&open(&cache, &path), 0..1, 100);
}

/// Two thousand files, each opened and closed, with descriptors for a few.
#[test]
fn more_files_than_there_are_descriptors_have_their_pages_in_the_cache() {
    const FILES: u64 = 2000;
    if !has_versions() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |number: u64| folder.path().join(number.to_string());
    for number in 0..FILES {
        fs::write(path(number), number.to_le_bytes()).unwrap();
    }
    let before = open_descriptors();
    let cache = quiet(FILES as usize);
    for round in 0..2 {
        for number in 0..FILES {
            let opened = open(&cache, &path(number));
            let mut seen = [0; 8];
            opened.read_exact_at(&mut seen, 0).unwrap();
            assert_eq!(u64::from_le_bytes(seen), number);
            assert_eq!(opened.stats().store_reads.requests, 1 - round, "{number}");
        }
        assert_eq!(cache.stats().kept, FILES);
    }
    // Tests that run at the same time have some.
    assert!(open_descriptors() < before + FILES as usize / 2);
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

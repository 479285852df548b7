//! Stores that carry out a request, or a part of it, and return an error: afterwards file and store have the same
//! length, and the error says which.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use spanlock_page_cache::{File, FileOptions, Length, MemStore, PageCache, Store, StoreLayer};

const PAGE: u64 = 4096;
const EIO: i32 = 5;

/// How much of a request is carried out before the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// A part of a change of the length.
    Half,
    None,
}

struct Late {
    inner: MemStore,
    part: Part,
    fails: AtomicBool,
    /// How often it fails to report its length after that.
    silent: usize,
    is_silent: AtomicUsize,
}

impl Late {
    fn new(part: Part) -> Late {
        let (fails, is_silent) = (AtomicBool::new(false), AtomicUsize::new(0));
        Late { inner: MemStore::new(), part, fails, silent: 0, is_silent }
    }

    /// Does `work`, or a part of it. Returns an error if the test requested one.
    fn answer<T>(&self, work: impl FnOnce(Part) -> io::Result<T>) -> io::Result<T> {
        if !self.fails.swap(false, Ordering::SeqCst) {
            return work(Part::All);
        }
        work(self.part)?;
        self.is_silent.store(self.silent, Ordering::SeqCst);
        Err(io::Error::from_raw_os_error(EIO))
    }
}

impl StoreLayer for Late {
    type Below = MemStore;

    fn below(&self) -> &MemStore {
        &self.inner
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.answer(|part| match part {
            Part::All => self.inner.set_len(len),
            Part::Half => self.inner.set_len(len.midpoint(self.inner.len()?)),
            Part::None => Ok(()),
        })
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.answer(|_| self.inner.allocate(offset, len))
    }

    fn zero_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.answer(|_| self.inner.zero_range(offset, len))
    }

    fn collapse_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.answer(|_| self.inner.collapse_range(offset, len))
    }

    fn insert_range(&self, offset: u64, len: u64) -> io::Result<()> {
        self.answer(|part| match part {
            Part::None => Ok(()),
            _ => self.inner.insert_range(offset, len),
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.answer(|part| match part {
            Part::None => Ok(0),
            _ => self.inner.write_at(bytes, offset),
        })
    }

    fn len(&self) -> io::Result<u64> {
        let left = |times: usize| times.checked_sub(1);
        match self.is_silent.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
            Ok(_) => Err(io::Error::from_raw_os_error(EIO)),
            Err(_) => self.inner.len(),
        }
    }
}

/// A file of four pages, all of them in the store and evicted, of which the next request fails.
fn four_pages(part: Part, options: FileOptions) -> (File, Arc<Late>) {
    four_pages_in(Late::new(part), options)
}

fn four_pages_in(store: Late, options: FileOptions) -> (File, Arc<Late>) {
    let store = Arc::new(store);
    let file = PageCache::new(64).open_with(Arc::clone(&store), options).unwrap();
    for page in 0..4 {
        file.write_all_at(&[page as u8 + 1; PAGE as usize], page * PAGE).unwrap();
    }
    file.sync_all().unwrap();
    file.drop_cached(0..u64::MAX).unwrap();
    store.fails.store(true, Ordering::SeqCst);
    (file, store)
}

/// The first byte of each page of a file. The file must be as long as its store.
fn pages_of(file: &File, store: &Late) -> Vec<u8> {
    assert_eq!(file.len(), store.inner.len().unwrap());
    let mut bytes = vec![0xaa; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes.chunks(PAGE as usize).map(|page| page[0]).collect()
}

#[test]
fn a_change_of_the_length_that_was_carried_out_has_succeeded() {
    for (len, left) in [(PAGE, &[1][..]), (6 * PAGE, &[1, 2, 3, 4, 0, 0])] {
        let (file, store) = four_pages(Part::All, FileOptions::new());
        file.set_len(len).unwrap();
        assert_eq!(pages_of(&file, &store), left);
        file.sync_all().unwrap();
        // The bytes that were removed do not appear again.
        file.set_len(6 * PAGE).unwrap();
        assert_eq!(pages_of(&file, &store)[left.len()..], vec![0; 6 - left.len()]);
    }
    let (file, store) = four_pages(Part::All, FileOptions::new());
    file.extend_to(5 * PAGE).unwrap();
    assert_eq!(pages_of(&file, &store), [1, 2, 3, 4, 0]);
}

#[test]
fn a_change_of_the_length_that_was_not_carried_out_has_changed_nothing() {
    for len in [PAGE, 4 * PAGE, 6 * PAGE] {
        let (file, store) = four_pages(Part::None, FileOptions::new());
        assert_eq!(file.set_len(len).unwrap_err().raw_os_error(), Some(EIO));
        assert_eq!(pages_of(&file, &store), [1, 2, 3, 4]);
    }
}

#[test]
fn a_truncation_of_which_a_part_was_carried_out_says_how_long_the_file_is() {
    let options = FileOptions::new().keep_modified_time();
    let (file, store) = four_pages(Part::Half, options);
    let before = file.modified();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(file.set_len(2 * PAGE).unwrap_err().raw_os_error(), Some(EIO));
    assert_eq!(pages_of(&file, &store), [1, 2, 3]);
    let failure = file.last_failure().unwrap().to_string();
    assert!(
        failure.contains("the store has only 12288 bytes now, and so has the file"),
        "{failure}"
    );
    assert_ne!(file.modified(), before);
    file.set_len(4 * PAGE).unwrap();
    assert_eq!(pages_of(&file, &store), [1, 2, 3, 0]);
}

#[test]
fn an_extension_of_which_a_part_was_carried_out_is_undone() {
    let (file, store) = four_pages(Part::Half, FileOptions::new());
    assert_eq!(file.set_len(8 * PAGE).unwrap_err().raw_os_error(), Some(EIO));
    assert_eq!(pages_of(&file, &store), [1, 2, 3, 4]);
}

/// All other operations that can change the length.
#[test]
fn other_operations_are_undone_or_say_how_long_the_file_is() {
    type Operation = fn(&File) -> io::Result<()>;
    let undone: [(&str, Operation); 5] = [
        ("allocate", |file| file.allocate(3 * PAGE, 3 * PAGE, Length::Extend)),
        ("zero_range", |file| file.zero_range(4 * PAGE, PAGE, Length::Extend)),
        ("direct write", |file| file.write_direct_at(&[9; 4096], 4 * PAGE).map(drop)),
        ("whole direct write", |file| file.write_all_direct_at(&[9; 4096], 4 * PAGE)),
        ("direct append", |file| file.append_direct(&[9; 4096]).map(drop)),
    ];
    for (name, operation) in undone {
        let (file, store) = four_pages(Part::All, FileOptions::new());
        assert_eq!(operation(&file).unwrap_err().raw_os_error(), Some(EIO), "{name}");
        assert_eq!(pages_of(&file, &store), [1, 2, 3, 4], "{name}");
    }
    let through: [(&str, Operation); 2] = [
        ("write", |file| file.write_at(&[9; 4096], 4 * PAGE).map(drop)),
        ("append", |file| file.append(&[9; 4096]).map(drop)),
    ];
    for (name, operation) in through {
        let (file, store) = four_pages(Part::All, FileOptions::new().write_through());
        assert_eq!(operation(&file).unwrap_err().raw_os_error(), Some(EIO), "{name}");
        assert_eq!(pages_of(&file, &store), [1, 2, 3, 4], "{name}");
    }
    let told: [(&str, Operation, &[u8], &str); 2] = [
        ("collapse", |file| file.collapse_range(0, 2 * PAGE), &[3, 4], "8192"),
        ("insert", |file| file.insert_range(PAGE, PAGE), &[1, 0, 2, 3, 4], "20480"),
    ];
    for (name, operation, left, len) in told {
        let (file, store) = four_pages(Part::All, FileOptions::new());
        assert_eq!(operation(&file).unwrap_err().raw_os_error(), Some(EIO), "{name}");
        assert_eq!(pages_of(&file, &store), left, "{name}");
        let failure = file.last_failure().unwrap().to_string();
        let message = format!("the store has {len} bytes now, and so has the file");
        assert!(failure.contains(&message), "{failure}");
    }
}

/// The file then has the greater length. The next sync, or the close, gives it to the store too.
#[test]
fn a_store_that_does_not_report_its_length_after_an_insertion_gets_that_of_the_file() {
    type End = fn(File);
    let ends: [End; 3] = [|file| file.sync_all().unwrap(), |file| file.close().unwrap(), drop];
    for part in [Part::All, Part::None] {
        for end in ends {
            let silent = Late { silent: 2, ..Late::new(part) };
            let (file, store) = four_pages_in(silent, FileOptions::new());
            assert_eq!(file.insert_range(PAGE, PAGE).unwrap_err().raw_os_error(), Some(EIO));
            assert_eq!(file.len(), 5 * PAGE);
            end(file);
            assert_eq!(store.inner.len().unwrap(), 5 * PAGE);
        }
    }
}

#[test]
fn after_a_truncation_of_which_nothing_is_known_no_sync_succeeds_over_a_shorter_store() {
    let silent = Late { silent: 2, ..Late::new(Part::All) };
    let (file, store) = four_pages_in(silent, FileOptions::new());
    assert_eq!(file.set_len(PAGE).unwrap_err().raw_os_error(), Some(EIO));
    assert_eq!((file.len(), store.inner.len().unwrap()), (4 * PAGE, PAGE));
    for _ in 0..2 {
        let error = file.sync_all().unwrap_err();
        assert!(error.to_string().contains("the store ends at 4096 bytes"), "{error}");
        file.read_exact_at(&mut [0], 2 * PAGE).unwrap_err();
    }
    file.set_len(PAGE).unwrap();
    assert_eq!(pages_of(&file, &store), [1]);
    file.sync_all().unwrap();
    // If nothing was removed, nothing has to be repaired.
    let silent = Late { silent: 2, ..Late::new(Part::None) };
    let (file, store) = four_pages_in(silent, FileOptions::new());
    file.set_len(PAGE).unwrap_err();
    file.sync_all().unwrap();
    assert_eq!(pages_of(&file, &store), [1, 2, 3, 4]);
}

/// The file is longer than its store, which has to grow first.
#[test]
fn a_hole_that_the_store_was_not_asked_for_changes_no_time() {
    type Operation = fn(&File) -> io::Result<()>;
    let operations: [Operation; 2] = [
        |file| file.punch_hole(4 * PAGE, PAGE),
        |file| file.zero_range(4 * PAGE, PAGE, Length::Keep),
    ];
    for operation in operations {
        let options = FileOptions::new().keep_modified_time();
        let (file, store) = four_pages(Part::None, options);
        file.write_all_at(&[5; 3 * PAGE as usize], 4 * PAGE).unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH;
        file.set_modified(time).unwrap();
        assert_eq!(operation(&file).unwrap_err().raw_os_error(), Some(EIO));
        assert_eq!(file.modified(), Some(time));
        file.sync_all().unwrap();
        assert_eq!(pages_of(&file, &store), [1, 2, 3, 4, 5, 5, 5]);
    }
}

//! Stores that report too many bytes, become shorter, fill up, or refuse requests.

use std::fs::File as RealFile;
use std::io::{self, ErrorKind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use spanlock_page_cache::{File, FileStore, Length, MemStore, Options, PageCache, Store};

use crate::mixed_file::MixedFile;

const PAGE: u64 = 4096;

/// Reports more bytes than were requested, or accepts only multiples of an alignment.
struct Odd {
    inner: MemStore,
    boasts: AtomicBool,
    /// Whether it punches half of a hole, and then fails.
    halves: AtomicBool,
    alignment: AtomicU64,
}

impl Odd {
    fn new() -> Odd {
        Odd {
            inner: MemStore::new(),
            boasts: AtomicBool::new(false),
            halves: AtomicBool::new(false),
            alignment: AtomicU64::new(1),
        }
    }

    fn said(&self, moved: usize) -> usize {
        moved + usize::from(self.boasts.load(Ordering::Relaxed))
    }
}

impl Store for Odd {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset).map(|moved| self.said(moved))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset).map(|moved| self.said(moved))
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        if self.halves.load(Ordering::Relaxed) {
            self.inner.punch_hole(offset, len / 2)?;
            return Err(ErrorKind::StorageFull.into());
        }
        self.inner.punch_hole(offset, len)
    }

    fn direct_alignment(&self) -> u64 {
        self.alignment.load(Ordering::Relaxed)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn open(store: impl Store + 'static) -> File {
    let options = Options::new(64).flush_interval(Duration::from_secs(3600));
    PageCache::with_options(options).open(store).unwrap()
}

#[test]
fn a_store_that_reports_more_bytes_than_were_requested_is_an_error() {
    let mut mixed = MixedFile::new(Odd::new());
    type Request = fn(&File) -> io::Result<()>;
    let requests: [(&str, Request); 7] = [
        ("read of 1 bytes at 20480", |file| file.read_at(&mut [0], 5 * PAGE).map(drop)),
        ("direct read of 9 bytes at 4096", |file| file.read_direct_at(&mut [0; 9], PAGE).map(drop)),
        ("writeback of 24676 bytes at 0", |file| file.writeback(0..6 * PAGE + 100)),
        ("sync_data of", |file| file.sync_data()),
        ("allocate of 4096 bytes at 0", |file| file.allocate(0, PAGE, Length::Keep)),
        ("collapse_range of 4096 bytes at 4096", |file| file.collapse_range(PAGE, PAGE)),
        ("insert_range of 4096 bytes at 4096", |file| file.insert_range(PAGE, PAGE)),
    ];
    for (message, run) in requests {
        mixed.store.boasts.store(true, Ordering::Relaxed);
        let error = run(&mixed.file).expect_err(message);
        mixed.store.boasts.store(false, Ordering::Relaxed);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        assert!(error.to_string().starts_with(&format!("{message} ")), "{error}, not {message}");
        let _heard = mixed.file.sync_data();
        mixed.check(message);
        // Dirty again, so that the next operation has a request that fails.
        mixed.file.write_all_at(&[0xd2; 9], 2 * PAGE).unwrap();
        mixed.bytes[2 * PAGE as usize..][..9].fill(0xd2);
    }
}

#[test]
fn of_a_hole_that_was_punched_in_part_each_byte_is_zero_or_as_it_was_and_stays_so() {
    const HOLE: std::ops::Range<u64> = 9..5 * PAGE + 9;
    let mixed = MixedFile::new(Odd::new());
    mixed.store.halves.store(true, Ordering::Relaxed);
    let error = mixed.file.punch_hole(HOLE.start, HOLE.end - HOLE.start).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    mixed.store.halves.store(false, Ordering::Relaxed);
    mixed.check_except("half a hole", |at, byte| byte == 0 && HOLE.contains(&(at as u64)));
}

#[test]
fn a_store_whose_alignment_is_no_power_of_two_or_above_a_mebibyte_is_not_opened() {
    let cache = PageCache::new(16);
    for alignment in [0, 3, (1 << 20) + 1, 2 << 20, 1 << 63, u64::MAX] {
        let odd = Odd::new();
        odd.alignment.store(alignment, Ordering::Relaxed);
        let error = cache.open(odd).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let end = format!(
            "its direct_alignment is {alignment} bytes, which is not a power of two from 1 to 1048576"
        );
        assert!(error.to_string().ends_with(&end), "{error}");
    }
    for alignment in [1, 1 << 20] {
        let odd = Odd::new();
        odd.alignment.store(alignment, Ordering::Relaxed);
        cache.open(odd).unwrap();
    }
}

#[test]
fn a_direct_request_that_its_store_cannot_do_in_one_go_is_refused() {
    let odd = Odd::new();
    odd.alignment.store(512, Ordering::Relaxed);
    let mixed = MixedFile::new(odd);
    let file = &mixed.file;
    let refused = [
        file.read_direct_at(&mut [0; 512], 1).unwrap_err(),
        file.read_direct_at(&mut [0; 511], 512).unwrap_err(),
        file.write_direct_at(&[7; 512], 256).unwrap_err(),
        file.write_direct_at(&[7; 100], 0).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().ends_with("must be multiples of 512 bytes"), "{error}");
    }
    assert_eq!(file.read_direct_at(&mut [0; 1024], 512).unwrap(), 1024);
    // The end of the file need not be a multiple: only the request.
    assert_eq!(file.read_direct_at(&mut [0; 512], 6 * PAGE).unwrap(), 100);
    let mut seen = vec![0; mixed.bytes.len()];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert!(seen == mixed.bytes);
}

#[test]
fn a_store_that_was_truncated_outside_the_cache_is_reported_and_not_read_as_zeroes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut mixed = MixedFile::new(FileStore::open(file.path()).unwrap());
    mixed.file.sync_all().unwrap();
    file.as_file().set_len(100).unwrap();
    let mut page = [0; PAGE as usize];
    let errors = [
        mixed.file.read_at(&mut page, 5 * PAGE).unwrap_err(),
        mixed.file.read_direct_at(&mut page, 5 * PAGE).unwrap_err(),
        mixed.mapping.load(5 * PAGE, &mut page).unwrap_err(),
        mixed.file.insert_range(0, PAGE).unwrap_err(),
        mixed.file.set_len(7 * PAGE).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        assert!(error.to_string().contains(" bytes "), "{error}");
    }
    // With its earlier length, its bytes are read again.
    std::fs::write(file.path(), &mixed.bytes).unwrap();
    mixed.check("shrunk");
    // A length that the cache itself has set is not an error.
    mixed.file.set_len(PAGE).unwrap();
    mixed.file.set_len(3 * PAGE).unwrap();
    mixed.bytes.truncate(PAGE as usize);
    mixed.bytes.resize(3 * PAGE as usize, 0);
    mixed.check("cut off and extended");
}

/// A store whose reads and lengths are determined first, and returned when the test says so.
struct Slow {
    inner: MemStore,
    waits: AtomicBool,
    answered: Barrier,
    goes_on: Barrier,
}

impl Slow {
    fn answer<T>(&self, answer: T) -> T {
        if self.waits.swap(false, Ordering::SeqCst) {
            self.answered.wait();
            self.goes_on.wait();
        }
        answer
    }
}

impl Store for Slow {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.answer(self.inner.read_at(bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.answer(self.inner.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn a_store_that_grows_while_it_answers_has_not_shrunk() {
    let ask: [fn(&File) -> io::Result<usize>; 3] = [
        |file| file.read_at(&mut [0xff; PAGE as usize], 5 * PAGE),
        |file| file.read_direct_at(&mut [0xff; PAGE as usize], 5 * PAGE),
        |file| file.set_len(20 * PAGE).map(|()| PAGE as usize),
    ];
    for ask in ask {
        let (answered, goes_on) = (Barrier::new(2), Barrier::new(2));
        let store = Slow { inner: MemStore::new(), waits: false.into(), answered, goes_on };
        let store = Arc::new(store);
        let file = open(Arc::clone(&store));
        // The store is empty. It will have eleven pages when the last one is written back.
        file.write_all_at(&[1; PAGE as usize], 10 * PAGE).unwrap();
        store.waits.store(true, Ordering::SeqCst);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| ask(&file));
            store.answered.wait();
            file.writeback(0..11 * PAGE).unwrap();
            store.goes_on.wait();
            assert_eq!(asked.join().unwrap().unwrap(), PAGE as usize);
        });
    }
}

/// A store that, while it is ill, fails after each write, and cannot be truncated.
#[derive(Default)]
struct Ill {
    inner: MemStore,
    is_ill: AtomicBool,
}

impl Ill {
    fn unless_ill<T>(&self, value: T) -> io::Result<T> {
        match self.is_ill.load(Ordering::SeqCst) {
            true => Err(io::Error::other("ill")),
            false => Ok(value),
        }
    }
}

impl Store for Ill {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.unless_ill(self.inner.write_at(bytes, offset)?)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.unless_ill(())?;
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

/// Invariant 5.
#[test]
fn a_sync_makes_nothing_durable_that_a_failed_write_left_behind_the_end() {
    let end: [fn(File); 2] = [|file| file.sync_all().unwrap(), drop];
    for end in end {
        let store = Arc::new(Ill::default());
        let file = open(Arc::clone(&store));
        file.write_all_at(&[1; 100], 0).unwrap();
        file.sync_all().unwrap();
        store.is_ill.store(true, Ordering::SeqCst);
        file.write_direct_at(&[2; PAGE as usize], PAGE).unwrap_err();
        assert_eq!((file.len(), store.inner.len().unwrap()), (100, 2 * PAGE));
        assert!(file.sync_all().is_err());
        store.is_ill.store(false, Ordering::SeqCst);
        end(file);
        assert_eq!(store.inner.len().unwrap(), 100);
    }
}

#[test]
fn a_store_longer_than_any_file_is_not_opened() {
    let store = MemStore::new();
    store.set_len(1 << 63).unwrap();
    let error = PageCache::new(16).open(store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("9223372036854775808"), "{error}");
}

#[test]
fn a_full_store_refuses_what_needs_space_and_keeps_what_it_has() {
    let store = Arc::new(MemStore::with_most_blocks(4));
    let file = open(Arc::clone(&store));
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let full = [
        file.allocate(0, 5 * PAGE, Length::Extend).unwrap_err(),
        file.allocate(0, i64::MAX as u64, Length::Extend).unwrap_err(),
        file.zero_range(PAGE, 9 * PAGE, Length::Extend).unwrap_err(),
        file.write_direct_at(&[2; PAGE as usize], 4 * PAGE)
            .map_or_else(Err, |_| file.write_direct_at(&[2], 9 * PAGE))
            .unwrap_err(),
    ];
    for error in full {
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    }
    assert_eq!(file.len(), 5 * PAGE);
    let mut seen = [0; 3 * PAGE as usize];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [1; 3 * PAGE as usize]);
    // There is space again, and the operations that were refused succeed.
    file.set_len(0).unwrap();
    file.allocate(0, 4 * PAGE, Length::Extend).unwrap();
    assert_eq!(store.blocks(), 4);
}

/// A device on which no byte can be written.
#[cfg(target_os = "linux")]
struct FullDevice(RealFile);

#[cfg(target_os = "linux")]
impl Store for FullDevice {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.0, bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn punch_hole(&self, _: u64, _: u64) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn label(&self) -> String {
        "the full device".into()
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_full_device_fails_the_sync_and_the_page_stays_dirty() {
    let device = RealFile::options().read(true).write(true).open("/dev/full").unwrap();
    let file = open(FullDevice(device));
    file.write_all_at(&[1; 100], 0).unwrap();
    for _ in 0..2 {
        let error = file.sync_data().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
        let failure = file.last_failure().unwrap().to_string();
        assert!(
            failure.starts_with("sync_data of \"the full device\": No space left"),
            "{failure}"
        );
    }
    let mut seen = [0; 100];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!((seen, file.len()), ([1; 100], 100));
    assert!(file.write_direct_at(&[2; 100], 0).is_err());
    assert!(file.set_len(10).is_err());
    assert_eq!(file.len(), 100);
}

#[test]
fn a_file_that_may_not_be_written_fails_what_writes_and_is_read() {
    let path = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(path.path(), [5; 5000]).unwrap();
    let file = open(FileStore::new(RealFile::open(path.path()).unwrap()));
    let mut seen = [0; 5000];
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!(seen, [5; 5000]);
    assert!(file.set_len(10).is_err() && file.set_len(9000).is_err());
    assert!(file.punch_hole(0, PAGE).is_err());
    assert!(file.collapse_range(0, PAGE).is_err() && file.insert_range(0, PAGE).is_err());
    assert!(file.write_direct_at(&[1], 0).is_err());
    assert!(file.allocate(0, 10_000, Length::Extend).is_err());
    file.read_exact_at(&mut seen, 0).unwrap();
    assert_eq!((seen, file.len()), ([5; 5000], 5000));
}

/// A real file that cannot grow, in a process of its own with a limit on the length of files.
#[cfg(target_os = "linux")]
#[test]
fn a_real_file_that_may_not_grow_is_left_as_it_was() {
    const PATH: &str = "SPANLOCK_LIMITED_FILE";
    const THIS: &str = "failures::bad_stores::a_real_file_that_may_not_grow_is_left_as_it_was";
    if let Some(path) = std::env::var_os(PATH) {
        return fill_up(&open(FileStore::open(path).unwrap()));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    // The kernel kills a process that exceeds the limit. This one does not.
    let limited = "ulimit -f 64; exec \"$0\" --exact \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", limited]).arg(std::env::current_exe().unwrap()).arg(THIS);
    let output = command.env(PATH, file.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    // The test did run in the process: the bytes within the limit are in the file.
    assert_eq!(std::fs::read(file.path()).unwrap(), [1; 3 * PAGE as usize]);
}

/// The limit is 32 or 64 KiB, depending on the shell's unit.
#[cfg(target_os = "linux")]
fn fill_up(file: &File) {
    const FAR: u64 = 100 * PAGE;
    file.write_all_at(&[1; 3 * PAGE as usize], 0).unwrap();
    file.sync_all().unwrap();
    let too_large = [
        file.set_len(FAR).unwrap_err(),
        file.allocate(0, FAR, Length::Extend).unwrap_err(),
        file.zero_range(0, FAR, Length::Extend).unwrap_err(),
        file.write_direct_at(&[2; 100], FAR + 10).unwrap_err(),
    ];
    for error in too_large {
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
    }
    let mut seen = vec![0; 3 * PAGE as usize];
    for _ in 0..2 {
        file.read_exact_at(&mut seen, 0).unwrap();
        assert!(seen == [1; 3 * PAGE as usize]);
        assert_eq!(file.len(), 3 * PAGE);
        assert_eq!(file.read_direct_at(&mut seen, 0).unwrap(), seen.len());
    }
    // A buffered write too. Otherwise every sync after it would fail.
    let refused = [
        file.write_all_at(&[3; 100], FAR).unwrap_err(),
        file.append(&[3; FAR as usize]).unwrap_err(),
        file.insert_range(0, FAR).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
    }
    file.sync_all().unwrap();
}

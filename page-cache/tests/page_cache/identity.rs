//! A store is open once: within a cache by its identity, between caches and processes by a lock.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use spanlock_page_cache::{
    File, FileOptions, FileStore, FileStoreOptions, Identity, Locking, MemStore, Options,
    PageCache, Store,
};

fn quiet() -> PageCache {
    PageCache::with_options(Options::new(64).flush_interval(Duration::MAX))
}

/// A file in a folder of its own.
fn file() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, b"stored").unwrap();
    (folder, path)
}

fn contents(file: &File) -> Vec<u8> {
    let mut bytes = vec![0; file.len() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

#[cfg(unix)]
#[test]
fn one_file_by_whatever_path_is_one_file_in_a_cache() {
    let (folder, path) = file();
    let (hard, soft) = (folder.path().join("hard"), folder.path().join("soft"));
    std::fs::hard_link(&path, &hard).unwrap();
    std::os::unix::fs::symlink(&path, &soft).unwrap();
    let cache = quiet();
    let first = cache.open(FileStore::open(&path).unwrap()).unwrap();
    let others = vec![
        cache.open(FileStore::open(&path).unwrap()).unwrap(),
        cache.open(FileStore::open(&hard).unwrap()).unwrap(),
        cache.open(FileStore::open(&soft).unwrap()).unwrap(),
        cache.open(FileStore::open(&path).unwrap().locking(Locking::None)).unwrap(),
        cache.open(FileStore::new(std::fs::File::open(&path).unwrap())).unwrap(),
    ];
    for (number, other) in others.iter().enumerate() {
        other.write_all_at(&[number as u8], number as u64).unwrap();
        assert_eq!(contents(&first), contents(other));
    }
    // It stays open while one of them exists.
    drop(first);
    assert_eq!(contents(&others[0]), contents(&others[1]));
    let written = contents(&others[0]);
    drop(others);
    assert_eq!(std::fs::read(&path).unwrap(), written);
    assert_eq!(contents(&cache.open(FileStore::open(&hard).unwrap()).unwrap()), written);
}

#[test]
fn a_file_that_is_open_is_refused_with_other_options_of_its_store() {
    let (_folder, path) = file();
    let cache = quiet();
    let options = FileStoreOptions::new;
    let mut all = vec![
        ("read-write", options()),
        ("read-only", options().read_only()),
        ("read-write, direct", options().direct()),
        ("read-only, direct", options().direct().read_only()),
        ("read-write, durable writes", options().durable_writes()),
        ("read-write, direct, durable writes", options().direct().durable_writes()),
    ];
    // Not every system and file system has direct IO and durable writes.
    all.retain(|(_, options)| options.open(&path).is_ok());
    for (first, one) in &all {
        let open = cache.open(one.open(&path).unwrap()).unwrap();
        for (second, another) in &all {
            let again = cache.open(another.open(&path).unwrap());
            if first == second {
                again.unwrap();
                continue;
            }
            let error = again.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResourceBusy);
            let message = format!("it is open in this cache as {first}, not as {second}");
            assert!(error.to_string().ends_with(&message), "{error}");
        }
        drop(open);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_descriptor_is_as_it_was_opened_and_is_refused_as_another() {
    use std::os::unix::fs::OpenOptionsExt;
    let (_folder, path) = file();
    let cache = quiet();
    let _open = cache.open(FileStore::open(&path).unwrap()).unwrap();
    let opened = |flags: i32, write| {
        let mut options = std::fs::OpenOptions::new();
        let file = options.read(true).write(write).custom_flags(flags).open(&path).unwrap();
        cache.open(FileStore::from_open_file(file).unwrap())
    };
    opened(0, true).unwrap();
    let refused = [opened(0, false), opened(rustix::fs::OFlags::DSYNC.bits() as i32, true)];
    for error in refused {
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ResourceBusy);
    }
}

/// The system would write each page at the end of such a file.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_was_opened_for_appending_is_refused() {
    use std::os::unix::fs::OpenOptionsExt;
    let (_folder, path) = file();
    let opened = |flags: rustix::fs::OFlags| {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).append(true).custom_flags(flags.bits() as i32).open(&path)
    };
    let buffered = || opened(rustix::fs::OFlags::empty()).unwrap();
    // Not every file system supports direct IO.
    let direct = opened(rustix::fs::OFlags::DIRECT).ok();
    let direct = direct.map(|file| FileStore::from_open_file(file).unwrap());
    let stores = [FileStore::new(buffered()), FileStore::from_open_file(buffered()).unwrap()];
    for store in stores.into_iter().chain(direct) {
        let error = quiet().open(store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("O_APPEND"), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"stored");
}

#[test]
fn a_file_that_is_open_is_refused_with_other_options_which_are_named() {
    let (cache, store) = (quiet(), Arc::new(MemStore::new()));
    let open = |options| cache.open_with(Arc::clone(&store), options);
    let first = open(FileOptions::new()).unwrap();
    let all = [
        ("write_through", FileOptions::new().write_through()),
        ("before_writeback", FileOptions::new().before_writeback(|_| Ok(()))),
        ("no_steal", FileOptions::new().no_steal()),
        ("whole_pages", FileOptions::new().whole_pages()),
    ];
    for (option, options) in all {
        let error = open(options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().ends_with(&format!("another option for {option}")), "{error}");
    }
    drop(first);
}

#[test]
fn a_file_that_took_the_place_of_an_open_one_is_another() {
    let (folder, path) = file();
    let cache = quiet();
    let old = cache.open(FileStore::open(&path).unwrap()).unwrap();
    let replacement = folder.path().join("replacement");
    std::fs::write(&replacement, b"replaced").unwrap();
    std::fs::rename(&replacement, &path).unwrap();
    let new = cache.open(FileStore::open(&path).unwrap()).unwrap();
    assert_eq!((contents(&old), contents(&new)), (b"stored".to_vec(), b"replaced".to_vec()));
}

#[test]
fn an_arc_that_is_opened_twice_is_one_file() {
    let store = Arc::new(MemStore::new());
    let cache = quiet();
    let (first, second) = (cache.open(store.clone()).unwrap(), cache.open(store.clone()).unwrap());
    first.write_all_at(b"shared", 0).unwrap();
    assert_eq!(contents(&second), b"shared");
    let dynamic: Arc<dyn Store> = store;
    assert_eq!(contents(&cache.open(dynamic).unwrap()), b"shared");
    assert!(cache.open(Arc::new(MemStore::new())).unwrap().is_empty());
}

#[test]
fn an_open_file_is_not_opened_with_other_options() {
    let (_folder, path) = file();
    let cache = quiet();
    let first = cache.open(FileStore::open(&path).unwrap()).unwrap();
    let through = FileOptions::new().write_through();
    let error = cache.open_with(FileStore::open(&path).unwrap(), through.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    drop(first);
    cache.open_with(FileStore::open(&path).unwrap(), through).unwrap();
}

/// A write error that no handle has returned yet is returned by a handle that is opened later.
#[test]
fn a_second_handle_returns_the_errors_that_a_clone_would_return() {
    let store = Arc::new(crate::stores::recording_store::RecordingStore::default());
    let cache = quiet();
    let file = cache.open(Arc::clone(&store)).unwrap();
    file.write_all_at(b"lost?", 0).unwrap();
    store.fail_writes(1);
    file.sync_data().unwrap_err();
    // The error has been reported.
    cache.open(Arc::clone(&store)).unwrap().sync_data().unwrap();
    assert_eq!(store.bytes(0..5), b"lost?");
}

/// A store that can be acquired once at a time, and fails when the test says so.
#[derive(Default)]
struct Exclusive {
    inner: MemStore,
    taken: AtomicBool,
    takes: AtomicUsize,
    has_no_length: AtomicBool,
}

impl Store for Exclusive {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        assert!(self.taken.load(Ordering::SeqCst));
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        assert!(self.taken.load(Ordering::SeqCst));
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        assert!(self.taken.load(Ordering::SeqCst));
        match self.has_no_length.load(Ordering::SeqCst) {
            true => Err(io::Error::other("told to fail")),
            false => self.inner.len(),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new("the exclusive one", [0, 0]))
    }

    fn acquire(&self) -> io::Result<()> {
        self.takes.fetch_add(1, Ordering::SeqCst);
        match self.taken.swap(true, Ordering::SeqCst) {
            true => Err(io::Error::new(ErrorKind::ResourceBusy, "taken")),
            false => Ok(()),
        }
    }

    fn release(&self) {
        assert!(self.taken.swap(false, Ordering::SeqCst));
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn a_store_is_taken_once_for_all_handles_and_released_when_it_is_closed() {
    let store = Arc::new(Exclusive::default());
    let cache = quiet();
    let first = cache.open(Arc::clone(&store)).unwrap();
    let second = cache.open(Arc::clone(&store)).unwrap();
    assert_eq!(store.takes.load(Ordering::SeqCst), 1);
    let error = quiet().open(Arc::clone(&store)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceBusy);
    assert!(store.taken.load(Ordering::SeqCst), "a refused open does not release it");
    drop(first);
    assert!(store.taken.load(Ordering::SeqCst));
    drop(second);
    assert!(!store.taken.load(Ordering::SeqCst));
}

#[test]
fn a_store_that_could_not_be_opened_is_released_and_may_be_opened_again() {
    let store = Arc::new(Exclusive::default());
    let cache = quiet();
    store.has_no_length.store(true, Ordering::SeqCst);
    assert!(cache.open(Arc::clone(&store)).is_err());
    assert!(!store.taken.load(Ordering::SeqCst));
    store.has_no_length.store(false, Ordering::SeqCst);
    cache.open(Arc::clone(&store)).unwrap();
}

/// An open waits for the close in progress: the store is released, and has the bytes that were dirty.
#[test]
fn a_file_that_is_opened_while_it_is_closed_has_what_was_written() {
    let store = Arc::new(Exclusive::default());
    let cache = quiet();
    let mut file = cache.open(Arc::clone(&store)).unwrap();
    for round in 1..=200_u64 {
        file.write_all_at(&round.to_ne_bytes(), 0).unwrap();
        file = thread::scope(|scope| {
            scope.spawn(|| drop(file));
            scope.spawn(|| cache.open(Arc::clone(&store)).unwrap()).join().unwrap()
        });
        assert_eq!(contents(&file), round.to_ne_bytes());
    }
}

#[test]
fn threads_that_open_one_store_at_the_same_time_get_one_file() {
    for _ in 0..50 {
        let store = Arc::new(Exclusive::default());
        let cache = quiet();
        thread::scope(|scope| {
            for number in 0..4 {
                let (store, cache) = (&store, &cache);
                scope.spawn(move || {
                    let file = cache.open(Arc::clone(store)).unwrap();
                    file.write_all_at(&[1], number).unwrap();
                });
            }
        });
        assert_eq!(store.inner.len().unwrap(), 4);
    }
}

#[test]
fn a_file_that_one_cache_has_open_is_refused_to_another() {
    let (_folder, path) = file();
    let (one, another) = (quiet(), quiet());
    let kept = Arc::new(FileStore::open(&path).unwrap());
    let first = one.open(Arc::clone(&kept)).unwrap();
    let mut refused = vec![
        another.open(FileStore::open(&path).unwrap()).unwrap_err(),
        // The very descriptor that is locked.
        another.open(Arc::clone(&kept)).unwrap_err(),
        FileStore::create(&path).unwrap_err(),
    ];
    refused
        .extend(FileStore::open_direct(&path).ok().map(|store| another.open(store).unwrap_err()));
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::ResourceBusy, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"stored");
    another.open(FileStore::open(&path).unwrap().locking(Locking::None)).unwrap();
    drop(first);
    // Also with the store itself still there.
    another.open(FileStore::open(&path).unwrap()).unwrap();
    another.open(kept).unwrap();
    assert!(FileStore::create(&path).unwrap().is_empty().unwrap());
}

/// Opens a file, reports that, and waits to be killed.
#[test]
fn a_file_that_another_process_has_open_is_refused_until_that_is_gone() {
    const PATH: &str = "SPANLOCK_LOCKED_FILE";
    const THIS: &str =
        "identity::a_file_that_another_process_has_open_is_refused_until_that_is_gone";
    if let Some(path) = std::env::var_os(PATH) {
        let _file = quiet().open(FileStore::open(path).unwrap()).unwrap();
        println!("\nopen");
        loop {
            thread::park();
        }
    }
    let (_folder, path) = file();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", THIS, "--nocapture"]).env(PATH, &path).stdout(Stdio::piped());
    let mut other = command.spawn().unwrap();
    let mut said = BufReader::new(other.stdout.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap() == "open"));
    let cache = quiet();
    let outcome = cache.open(FileStore::open(&path).unwrap());
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ResourceBusy);
    cache.open(FileStore::open(&path).unwrap()).unwrap();
}

//! A panic in each method of `Store`: the caller gets it as an error, and nothing stays claimed, locked or in use.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use spanlock_page_cache::{
    File, FileOptions, Identity, Length, MemStore, Options, PAGE_SIZE, PageCache, Store,
};

const PAGE: u64 = PAGE_SIZE as u64;

/// A store that panics once, in the method that the test chooses.
#[derive(Default)]
struct Panicking {
    inner: MemStore,
    in_method: Mutex<Option<&'static str>>,
}

impl Panicking {
    fn is_to_panic_in(&self, method: &'static str) {
        *self.in_method.lock().unwrap() = Some(method);
    }

    fn has_panicked(&self) -> bool {
        self.in_method.lock().unwrap().is_none()
    }

    fn enter(&self, method: &'static str) {
        let mut next = self.in_method.lock().unwrap();
        if *next == Some(method) {
            *next = None;
            drop(next);
            panic!("in {method}");
        }
    }
}

/// Every method. The chosen one panics.
macro_rules! panicking {
    ($($method:ident($($argument:ident: $type:ty),*) $(-> $output:ty)?;)*) => {
        /// The names of the methods.
        const METHODS: &[&str] = &[$(stringify!($method)),*];

        impl Store for Panicking {
            $(fn $method(&self $(, $argument: $type)*) $(-> $output)? {
                self.enter(stringify!($method));
                Store::$method(&self.inner $(, $argument)*)
            })*
        }
    };
}

panicking! {
    read_at(bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    write_at(bytes: &[u8], offset: u64) -> io::Result<usize>;
    len() -> io::Result<u64>;
    is_empty() -> io::Result<bool>;
    set_len(len: u64) -> io::Result<()>;
    punch_hole(offset: u64, len: u64) -> io::Result<()>;
    allocate(offset: u64, len: u64) -> io::Result<()>;
    reserve(offset: u64, len: u64) -> io::Result<()>;
    zero_range(offset: u64, len: u64) -> io::Result<()>;
    holes(range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>>;
    allocated_size() -> io::Result<Option<u64>>;
    collapse_range(offset: u64, len: u64) -> io::Result<()>;
    insert_range(offset: u64, len: u64) -> io::Result<()>;
    identity() -> Option<Identity>;
    acquire() -> io::Result<()>;
    release();
    max_len() -> u64;
    is_read_only() -> bool;
    mode() -> String;
    direct_alignment() -> u64;
    block_size() -> u64;
    label() -> String;
    modified() -> io::Result<Option<SystemTime>>;
    set_modified(time: SystemTime) -> io::Result<()>;
    sync() -> io::Result<()>;
    sync_data() -> io::Result<()>;
}

/// An operation by which the cache calls a method.
enum Called {
    ToOpen,
    By(fn(&File) -> io::Result<()>),
    ToClose,
    Never,
}

fn called(method: &str) -> Called {
    match method {
        "read_at" => Called::By(|file| file.read_at(&mut [0; 10], 0).map(drop)),
        "write_at" => Called::By(|file| {
            file.write_all_at(&[9; 3 * PAGE_SIZE], 0)?;
            file.writeback(0..u64::MAX)
        }),
        "len" => Called::By(|file| file.set_len(20 * PAGE)),
        "set_len" => Called::By(|file| file.set_len(PAGE)),
        "punch_hole" => Called::By(|file| file.punch_hole(PAGE, PAGE)),
        "allocate" => Called::By(|file| file.allocate(0, 20 * PAGE, Length::Extend)),
        "reserve" => Called::By(|file| file.reserve(0, 20 * PAGE)),
        "zero_range" => Called::By(|file| file.zero_range(0, 20 * PAGE, Length::Extend)),
        "holes" => Called::By(|file| file.data_ranges(0..u64::MAX).map(drop)),
        "allocated_size" => Called::By(|file| file.allocated_size().map(drop)),
        "collapse_range" => Called::By(|file| file.collapse_range(0, PAGE)),
        "insert_range" => Called::By(|file| file.insert_range(0, PAGE)),
        "max_len" => Called::By(|file| file.write_all_at(&[9; 10], 20 * PAGE)),
        "set_modified" | "sync" => Called::By(|file| {
            file.write_all_at(&[9; 10], 0)?;
            file.sync_all()
        }),
        "sync_data" => Called::By(|file| file.sync_data()),
        "identity" | "acquire" | "is_read_only" | "mode" | "direct_alignment" | "block_size"
        | "label" | "modified" => Called::ToOpen,
        "release" => Called::ToClose,
        "is_empty" => Called::Never,
        _ => panic!("{method} is missing here"),
    }
}

/// A store that has a default for every method that may have one, and panics once, after so many calls.
struct Defaults {
    inner: MemStore,
    calls: AtomicI64,
}

impl Defaults {
    fn call(&self) {
        assert!(self.calls.fetch_sub(1, Ordering::SeqCst) != 0, "in the middle");
    }
}

impl Store for Defaults {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call();
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.call();
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call();
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.call();
        self.inner.punch_hole(offset, len)
    }

    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        self.call();
        self.inner.holes(range)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}

#[test]
fn a_panic_in_the_middle_of_a_shift_is_undone() {
    type Shift = fn(&File) -> io::Result<()>;
    let shifts: [Shift; 2] =
        [|file| file.collapse_range(PAGE, PAGE), |file| file.insert_range(PAGE, 2 * PAGE)];
    let bytes: Vec<u8> = (0..5 * PAGE + 100).map(|at| (at / 7) as u8).collect();
    for shift in shifts {
        let mut panics = 0;
        loop {
            let calls = AtomicI64::new(i64::MAX);
            let store = Arc::new(Defaults { inner: MemStore::new(), calls });
            let file = cache().open(Arc::clone(&store)).unwrap();
            file.write_all_at(&bytes, 0).unwrap();
            file.sync_all().unwrap();
            store.calls.store(panics, Ordering::SeqCst);
            let shifted = shift(&file);
            let has_panicked = store.calls.load(Ordering::SeqCst) < 0;
            if shifted.is_ok() {
                // What has holes is only asked for.
                if has_panicked {
                    panics += 1;
                    continue;
                }
                break;
            }
            assert_eq!(file.len(), bytes.len() as u64, "after {panics} calls: {shifted:?}");
            let mut seen = vec![0; bytes.len()];
            file.read_exact_at(&mut seen, 0).unwrap();
            let is_collapsed = |at: &usize| (PAGE as usize..2 * PAGE as usize).contains(at);
            let differs = |at: &usize| seen[*at] != bytes[*at] && !is_collapsed(at);
            assert_eq!((0..bytes.len()).find(differs), None, "after {panics} calls");
            panics += 1;
        }
        assert!(panics > 5, "{panics}");
    }
}

fn cache() -> PageCache {
    let options = Options::new(16).flush_interval(Duration::MAX).readahead(0);
    PageCache::with_options(options)
}

fn open(cache: &PageCache, store: &Arc<Panicking>) -> io::Result<File> {
    cache.open_with(Arc::clone(store), FileOptions::new().keep_modified_time())
}

/// Uses all frames of the cache for requests and for guards, and claims all of the file; how many guards there may be.
fn use_all(file: &File) -> usize {
    file.set_len(0).unwrap();
    for page in 0..40 {
        file.write_all_at(&[page as u8; PAGE_SIZE], page * PAGE).unwrap();
    }
    file.sync_all().unwrap();
    let guards: Vec<_> = (0..40).map_while(|page| file.page(page).ok()).collect();
    for (page, guard) in guards.iter().enumerate() {
        assert!(guard.iter().all(|&byte| byte == page as u8));
    }
    let count = guards.len();
    drop(guards);
    file.punch_hole(0, u64::MAX >> 1).unwrap();
    file.set_len(0).unwrap();
    count
}

#[test]
fn each_method_may_panic_and_nothing_is_lost() {
    let usual = use_all(&open(&cache(), &Arc::default()).unwrap());
    assert!(usual > 4);
    for &method in METHODS {
        let (cache, store) = (cache(), Arc::new(Panicking::default()));
        store.inner.set_len(8 * PAGE).unwrap();
        let error = match called(method) {
            Called::ToOpen => {
                store.is_to_panic_in(method);
                Some(open(&cache, &store).unwrap_err())
            }
            Called::By(operation) => {
                let file = open(&cache, &store).unwrap();
                store.is_to_panic_in(method);
                let error = operation(&file).unwrap_err();
                // Whether the flusher's thread or this one has had it.
                assert!(store.has_panicked(), "{method}");
                assert_eq!(use_all(&file), usual, "{method}");
                Some(error)
            }
            Called::ToClose => {
                let file = open(&cache, &store).unwrap();
                store.is_to_panic_in(method);
                drop(file);
                None
            }
            Called::Never => {
                let file = open(&cache, &store).unwrap();
                store.is_to_panic_in(method);
                use_all(&file);
                drop(file);
                store.is_to_panic_in("");
                None
            }
        };
        if let Some(error) = error {
            let message = error.to_string();
            let expected = format!("the store panicked: in {method}");
            assert!(message.contains(&expected), "{method}: {message}");
        }
        assert!(store.has_panicked() || method == "is_empty", "{method}");
        // Nothing of the file is left, and it can be opened again.
        assert_eq!(Arc::strong_count(&store), 1, "{method}");
        assert_eq!(cache.files().len(), 0, "{method}");
        assert_eq!(use_all(&open(&cache, &store).unwrap()), usual, "{method}");
        assert_eq!(Arc::strong_count(&store), 1, "{method}");
    }
}

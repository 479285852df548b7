//! A healthy file's rate beside a dead, a full, a slow and a hanging store, beside all four, and
//! beside twelve that hang in reads, over its rate alone: each pair taken in turns, in one cache
//! each. Speed is never asserted. With `--test`, as `cargo bench -- --test` passes it, each is only
//! run for a moment.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use spanlock_page_cache::{File, MemStore, Options, PageCache, Store};

const PAGE: u64 = 4096;
const FRAMES: usize = 1024;

/// The pages of the healthy file: some are cached, some are not.
const SPAN: u64 = 2 * FRAMES as u64;

/// What is wrong with a neighbour's store: how it takes writes, or that it does not answer reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Dead,
    Full,
    Slow,
    Hanging,
    HangingInReads,
}

const ALL: [Kind; 4] = [Kind::Dead, Kind::Full, Kind::Slow, Kind::Hanging];

/// How many stores hang in reads, and how many readers each of their files has.
const MANY: usize = 12;
const READERS: u64 = 16;

/// Whether the stores that hang have been let go, so that the program can end.
#[derive(Default)]
struct End {
    over: Mutex<bool>,
    told: Condvar,
}

impl End {
    fn wait(&self) {
        let over = self.over.lock().unwrap();
        drop(self.told.wait_while(over, |over| !*over).unwrap());
    }
}

struct Neighbour {
    inner: MemStore,
    kind: Kind,
    end: Arc<End>,
}

impl Store for Neighbour {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.kind == Kind::HangingInReads {
            self.end.wait();
        }
        self.inner.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        match self.kind {
            Kind::Dead => return Err(io::Error::other("the disk is dead")),
            Kind::Full => return Err(ErrorKind::StorageFull.into()),
            Kind::Slow => thread::sleep(Duration::from_millis(5)),
            Kind::Hanging => self.end.wait(),
            Kind::HangingInReads => {}
        }
        self.inner.write_at(bytes, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.punch_hole(offset, len)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A healthy file and its neighbours, which share a cache.
struct Case {
    name: String,
    file: File,
    random: fastrand::Rng,
    /// Whether the neighbours' writers are at it.
    active: Arc<AtomicBool>,
}

impl Case {
    fn new(name: &str, kinds: &[Kind], end: &Arc<End>, over: &Arc<AtomicBool>) -> Case {
        let cache: PageCache = PageCache::with_options(Options::new(FRAMES));
        let file = cache.open(MemStore::new()).expect("memory opens");
        file.set_len(SPAN * PAGE).expect("memory grows");
        let active: Arc<AtomicBool> = Arc::default();
        for &kind in kinds {
            let store = Neighbour { inner: MemStore::new(), kind, end: Arc::clone(end) };
            let file = cache.open(store).expect("its length is known");
            if kind == Kind::HangingInReads {
                read_from_threads(&file);
                continue;
            }
            let (active, over) = (Arc::clone(&active), Arc::clone(over));
            thread::spawn(move || write_always(&file, &active, &over));
        }
        Case { name: name.into(), file, random: fastrand::Rng::with_seed(1), active }
    }

    /// Works for a while; how many operations a second.
    fn rate(&mut self, length: Duration) -> f64 {
        self.active.store(true, Ordering::Relaxed);
        let mut page = vec![7; PAGE as usize];
        let (start, mut operations) = (Instant::now(), 0u32);
        while start.elapsed() < length {
            for _ in 0..16 {
                let at = self.random.u64(0..SPAN) * PAGE;
                match self.random.bool() {
                    true => self.file.write_all_at(&page, at).expect("it is healthy"),
                    false => self.file.read_exact_at(&mut page, at).expect("it is healthy"),
                }
                operations += 1;
            }
            if operations.is_multiple_of(512) {
                self.file.sync_data().expect("it is healthy");
            }
        }
        let rate = f64::from(operations) / start.elapsed().as_secs_f64();
        self.active.store(false, Ordering::Relaxed);
        rate
    }
}

/// Writes page after page, whatever comes of it, until all is over.
fn write_always(file: &File, active: &AtomicBool, over: &AtomicBool) {
    for page in (0..4 * FRAMES as u64).cycle() {
        while !active.load(Ordering::Relaxed) {
            if over.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        let _heard = file.write_at(&[1; PAGE as usize], page * PAGE);
        // A processor is not what it takes from its neighbours.
        thread::sleep(Duration::from_micros(50));
    }
}

/// Starts readers of a file, each of which wants more pages than it gets.
fn read_from_threads(file: &File) {
    file.set_len(SPAN * PAGE).expect("memory grows");
    for reader in 0..READERS {
        let file = file.clone();
        thread::spawn(move || {
            let mut bytes = vec![0; 16 * PAGE as usize];
            file.read_exact_at(&mut bytes, reader * 32 % 512 * PAGE)
                .expect("it answers at the end");
        });
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() {
    let moment = std::env::args().any(|argument| argument == "--test");
    let (rounds, length) = match moment {
        true => (1, Duration::from_millis(1)),
        false => (41, Duration::from_millis(40)),
    };
    let (end, over): (Arc<End>, Arc<AtomicBool>) = Default::default();
    let mut cases = vec![Case::new("alone", &[], &end, &over)];
    for kind in ALL {
        cases.push(Case::new(&format!("beside one that is {kind:?}"), &[kind], &end, &over));
    }
    cases.push(Case::new("beside all four", &ALL, &end, &over));
    let many = [Kind::HangingInReads; MANY];
    cases.push(Case::new("beside 12 that hang in reads", &many, &end, &over));
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, rates) in cases.iter_mut().zip(&mut rates) {
            rates.push(case.rate(length));
        }
    }
    println!("a healthy file's reads and writes of pages, over its rate alone in the same round");
    for (case, own) in cases.iter().zip(&rates) {
        let ratios = own.iter().zip(&rates[0]).map(|(own, alone)| own / alone).collect();
        let (ratio, rate) = (median(ratios), median(own.clone()));
        println!("    {:<30} {ratio:.2}  {rate:.0} a second", case.name.to_lowercase());
    }
    over.store(true, Ordering::Relaxed);
    *end.over.lock().unwrap() = true;
    end.told.notify_all();
}

//! One run of the workload, with one plan of faults.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use spanlock_page_cache::{File, FileOptions, MemStore, PageCache, Store};

use super::Scope;
use crate::oracle::after_crash::Floor;
use crate::oracle::knowledge::{Knowledge, Reliability, WriteMode};
use crate::oracle::tags::{Consent, Tags};
use crate::page_size::{cache_of, page_size};
use crate::report::finding::Finding;
use crate::report::journal::Journal;
use crate::stores::crash::{Honesty, Volatile};
use crate::stores::faults::{Fault, Faults, FaultyStore, Plan, is_injected};
use crate::subject::reopening::{Reopenable, Surroundings};
use crate::subject::{Mapped, Subject};
use crate::worker::{Post, Worker};
use crate::workload::{Mix, Workload};

/// The length of the file: small, not a multiple of a sector, and more than fits in the cache.
pub fn limit() -> u64 {
    24 * page_size() + 333
}
const FRAMES: usize = 16;
const BETWEEN_SYNCS: u32 = 10;

/// One run of the workload of a seed.
#[derive(Clone)]
pub struct Trial {
    pub plan: Plan,
    pub seed: u64,
    pub mode: WriteMode,
    pub scope: Scope,
    /// How many crashes are simulated at a time.
    pub crashes: u32,
    pub look: Look,
}

/// When cache and store are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// After the operation that met the first fault, and at the end.
    AtOnce,
    /// Only at the end, so that all operations after the fault meet what it left.
    InTheEnd,
}

/// The result of a run.
pub struct Outcome {
    pub requests: u64,
    pub struck: u64,
    pub crashes: u64,
    pub finding: Option<String>,
}

/// An error that the run has found, as text.
type Wrong = Box<dyn fmt::Display>;

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { plan, seed, mode, look, .. } = self;
        write!(f, "{plan:?} in workload {seed} with writes {mode:?}, looked at {look:?}")
    }
}

impl Trial {
    pub fn run(&self) -> Outcome {
        self.run_on(Arc::new(Volatile::new(limit(), Honesty::Honest)), |file| file)
    }

    /// Runs with a store and with what `dress` makes of the file.
    pub fn run_on<S: Subject>(
        &self,
        store: Arc<Volatile>,
        dress: impl Fn(File) -> S + Send + Sync + 'static,
    ) -> Outcome {
        let faults = Arc::new(Faults::new(self.plan));
        let journal = Journal::new(1);
        let mut crashes = 0;
        let result = self.try_run(&store, &faults, &journal, dress, &mut crashes);
        let finding = result.err().map(|wrong| {
            let last: String = journal.last().iter().map(|line| format!("\n  {line}")).collect();
            format!("{wrong}the last operations:{last}\n")
        });
        Outcome { requests: faults.requests(), struck: struck(&faults), crashes, finding }
    }

    /// The options of a file, with a hook.
    fn options(&self, tags: &Arc<Tags>) -> FileOptions {
        let tags = Arc::clone(tags);
        self.mode.options().before_writeback(move |pages| {
            tags.announce(pages, Consent::Given);
            Ok(())
        })
    }

    fn try_run<S: Subject>(
        &self,
        store: &Arc<Volatile>,
        faults: &Arc<Faults>,
        journal: &Journal,
        dress: impl Fn(File) -> S + Send + Sync + 'static,
        crashes: &mut u64,
    ) -> Result<(), Wrong> {
        // The flusher never wakes up, so that the requests are made in one order.
        let options =
            cache_of(FRAMES).dirty_limit(FRAMES).flush_interval(Duration::from_secs(3600));
        let cache = Arc::new(PageCache::with_options(options));
        // A second handle, as long as the file is open.
        let other = Arc::new(Mutex::new(None));
        let tags = Arc::new(Tags::new(limit(), Reliability::Failing));
        let (others, companion) = (Arc::new(Tags::none()), Arc::clone(&other));
        let (mode, how_others) = (self.options(&tags), self.options(&others));
        let (beneath, plan) = (Arc::clone(store), Arc::clone(faults));
        let dress = Arc::new(dress);
        let (of_others, synced, undress) =
            (Arc::clone(&cache), Arc::clone(&cache), Arc::clone(&dress));
        let told = Arc::clone(&tags);
        let surroundings = Surroundings {
            open_another: Box::new(move || {
                of_others.open_with(MemStore::new(), how_others.clone()).map(|file| undress(file))
            }),
            sync: Box::new(move || Ok(synced.sync_all()?)),
        };
        let open = move || {
            let lose = |store: &Arc<Volatile>, seed| store.lose(seed);
            let faulty = FaultyStore::new(Arc::clone(&beneath), Arc::clone(&plan))
                .losing(lose)
                .reporting(Arc::clone(&told));
            let file = cache.open_with(faulty, mode.clone())?;
            *lock(&companion) = Some(file.clone());
            Ok(dress(file))
        };
        let file = Reopenable::new(open, None, Some(surroundings)).map_err(refused("open"))?;
        let known = Knowledge::new(limit(), 1, Reliability::Failing, self.mode).with_tags(tags);
        let floor = Floor::new(Arc::clone(store), &known);
        let post = Post { thread: 0, file: 0, files: 1 };
        let workload = Workload::new(self.seed, 0, limit(), Mix::Even);
        let mut worker = Worker::new(&file, &known, journal, post, workload).over(&floor);
        let mut rng = Rng::with_seed(self.seed);
        let mut looks = self.look == Look::AtOnce;
        let mut mends = false;
        faults.start();
        for number in 1..=self.scope.operations {
            worker.step().map_err(found)?;
            if looks && struck(faults) > 0 {
                looks = false;
                faults.stop();
                settle(&mut worker)?;
                agree(&file, store, &known)?;
                faults.start();
            }
            if number % BETWEEN_SYNCS == 0 && !worker.sync_now().map_err(found)? {
                // Broken ranges are written again every other time.
                mends = !mends;
                if mends && !worker.sync_now().map_err(found)? {
                    worker.rewrite().map_err(found)?;
                    worker.sync_now().map_err(found)?;
                }
            }
            if number % self.scope.between_crashes == 0 {
                for _ in 0..self.crashes {
                    *crashes += 1;
                    floor.crash(&known, &mut rng).map_err(found)?;
                }
            }
        }
        faults.stop();
        settle(&mut worker)?;
        let other = lock(&other).take();
        errors_are_told_once(other, worker.heard_errors() > 0)?;
        agree(&file, store, &known)?;
        if let Some(tags) = known.tags.take_wrong().or_else(|| others.take_wrong()) {
            return wrong(tags);
        }
        if let Some(collision) = faults.collisions().first() {
            return wrong(format!("conflicting requests to the store: {collision}"));
        }
        file.set_len(0).map_err(refused("set_len"))?;
        match (file.len(), store.len().ok()) {
            (0, Some(0)) => Ok(()),
            lens => wrong(format!("after truncation, file and store have {lens:?} bytes")),
        }
    }
}

/// Checks invariant 15: an error that was reported to one handle (`heard`) is reported once to the other.
fn errors_are_told_once(other: Option<File>, heard: bool) -> Result<(), Wrong> {
    let Some(other) = other else { return wrong("the file has no second handle".to_owned()) };
    match other.sync_all() {
        Err(error) if !is_injected(&error) => Err(refused("the other handle's sync")(error)),
        result if result.is_err() != heard => {
            wrong(format!("one handle got an error: {heard}; the other: {}", !heard))
        }
        _ => other.sync_all().map_err(refused("the other handle's second sync")),
    }
}

/// Syncs, with a store that works again. Earlier failures are reported by the first sync, once; but
/// what the store has lost and the cache cannot send again is reported until it has been written again.
fn settle<S: Subject>(worker: &mut Worker<'_, S>) -> Result<(), Wrong> {
    if worker.sync_now().map_err(found)? || worker.sync_now().map_err(found)? {
        return Ok(());
    }
    worker.rewrite().map_err(found)?;
    match worker.sync_now().map_err(found)? {
        true => Ok(()),
        false => wrong("a sync failed after all of the file was written again".to_owned()),
    }
}

fn found(finding: Box<Finding>) -> Wrong {
    finding
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn struck(faults: &Faults) -> u64 {
    Fault::ALL.into_iter().map(|fault| faults.struck(fault)).sum()
}

/// Cache, mappings and store have the same bytes, which the oracle allows.
fn agree<S: Subject>(file: &S, store: &Volatile, known: &Knowledge) -> Result<(), Wrong> {
    let contents = store.contents();
    let len = file.len();
    if contents.len() as u64 != len {
        return wrong(format!("the file has {len} bytes, and the store {}", contents.len()));
    }
    if !known.length.now().contains(&len) {
        return wrong(format!("the file has {len} bytes instead of {:?}", known.length.now()));
    }
    let mapping = file.map(0..limit()).map_err(refused("map"))?;
    let mut seen = vec![0xa5; contents.len()];
    for path in ["read", "direct read", "load"] {
        let count = match path {
            "read" => file.read_at(&mut seen, 0),
            "load" => mapping.load(0, &mut seen).map(|()| seen.len()),
            _ => file.read_direct_at(&mut seen, 0),
        };
        let count = count.map_err(refused(path))?;
        if count != seen.len() || seen != contents {
            let at = seen.iter().zip(&contents).position(|(seen, stored)| seen != stored);
            return wrong(format!("a {path} of {count} bytes is not what is stored at {at:?}"));
        }
    }
    let bytes = 0..contents.len() as u64;
    known.oracle.compare("the comparison of the store", &bytes, &contents).map_err(found)
}

fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Wrong {
    move |error| Box::new(format!("{what} failed: {error}\n"))
}

fn wrong<T>(text: String) -> Result<T, Wrong> {
    Err(Box::new(text + "\n"))
}

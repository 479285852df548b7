//! Pages that are not in the cache, of a file that is read with O_DIRECT.

use std::fs::{self, OpenOptions};
use std::hint::black_box;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use fastrand::Rng;
use rustix::fs::OFlags;
use spanlock_page_cache::{File, FileStore, Options, PAGE_SIZE, PageCache};

use crate::cached::Aligned;
use crate::figure::{Aim, Effort, Figure, nanos};

const PAGE: u64 = PAGE_SIZE as u64;
const SIZE: u64 = 1 << 30;
/// A sixteenth of the file is cached, so that most reads miss.
const PART: u64 = 16;
const CHUNK: u64 = 1 << 20;

pub fn figures(effort: Effort) -> Vec<Figure> {
    let size = effort.size(SIZE);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("misses");
    let file = fs::File::create(&path).expect("the folder is there");
    for at in (0..size).step_by(CHUNK as usize) {
        let chunk = vec![(at / CHUNK) as u8; CHUNK as usize];
        file.write_all_at(&chunk, at).expect("there is room");
    }
    file.sync_all().expect("the disk works");
    let flags = OFlags::DIRECT.bits().cast_signed();
    let direct = OpenOptions::new().read(true).custom_flags(flags).open(&path);
    let (Ok(direct), Ok(store)) = (direct, FileStore::open_direct(&path)) else {
        eprintln!("misses: no O_DIRECT in {}", folder.path().display());
        return Vec::new();
    };
    let frames = (size / PART / PAGE).max(64) as usize;
    let cached = PageCache::with_options(Options::new(frames)).open(store).expect("it opens");
    let mut figures = one_in_flight(effort, &cached, &direct, size / PAGE);
    figures.extend(many_in_flight(effort, &cached, &path, size / PAGE));
    figures
}

/// Nanoseconds a miss. What is found in the cache is not to make it look better.
fn a_miss(cached: &File, read: impl FnOnce()) -> f64 {
    let misses = cached.stats().misses;
    let start = Instant::now();
    read();
    nanos(start.elapsed(), (cached.stats().misses - misses).max(1))
}

fn one_in_flight(effort: Effort, cached: &File, direct: &fs::File, pages: u64) -> Vec<Figure> {
    let operations = effort.operations(1_000);
    let mut rng = Rng::with_seed(2);
    let mut to = Box::new(Aligned([0; PAGE_SIZE]));
    // As much memory as the cache has: a page that was read is not in the processor's caches, and has to be copied.
    let mut memory = vec![Aligned([1; PAGE_SIZE]); (pages / PART).max(64) as usize];
    let mut rounds = (Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        let mut places =
            || -> Vec<u64> { (0..operations).map(|_| rng.u64(..pages) * PAGE).collect() };
        let (by_cache, by_kernel, by_copy) = (places(), places(), places());
        let cache = a_miss(cached, || {
            for &at in &by_cache {
                let read = cached.read_at(&mut to.0, at);
                assert_eq!(read.expect("the disk works"), PAGE_SIZE);
            }
        });
        let start = Instant::now();
        for &at in &by_kernel {
            direct.read_exact_at(&mut to.0, at).expect("the disk works");
        }
        let kernel = nanos(start.elapsed(), operations);
        let start = Instant::now();
        for &at in &by_copy {
            let page = (at / PAGE % memory.len() as u64) as usize;
            direct.read_exact_at(&mut memory[page].0, at).expect("the disk works");
            to.0.copy_from_slice(&memory[page].0);
            black_box(&mut to);
        }
        let copy = nanos(start.elapsed(), operations);
        // The first round does not count.
        if round > 0 {
            rounds.0.push((cache, kernel));
            rounds.1.push((cache, copy));
        }
    }
    let what = [
        "4 KiB at random that miss, over `pread` with O_DIRECT",
        "the same, over `pread` to one of as many pages, and a copy from there",
    ];
    vec![
        Figure::ratio(what[0], Aim::Must(1.1), rounds.0),
        Figure::ratio(what[1], Aim::None, rounds.1),
    ]
}

/// Threads that miss, and requests of fio that are in flight.
const IN_FLIGHT: u64 = 32;

fn many_in_flight(effort: Effort, cached: &File, path: &Path, pages: u64) -> Option<Figure> {
    let each = effort.operations(1_000);
    let by_threads = |round: u64| {
        let one = |thread: u64| {
            let mut rng = Rng::with_seed(round * IN_FLIGHT + thread + 1);
            let mut to = Box::new(Aligned([0; PAGE_SIZE]));
            for _ in 0..each {
                let read = cached.read_at(&mut to.0, rng.u64(..pages) * PAGE);
                assert_eq!(read.expect("the disk works"), PAGE_SIZE);
            }
        };
        a_miss(cached, || {
            thread::scope(|scope| {
                (0..IN_FLIGHT).for_each(|thread| drop(scope.spawn(move || one(thread))));
            });
        })
    };
    let turns = if effort.is_test() { 1 } else { 5 };
    let rounds: Option<Vec<_>> = (0..turns)
        .map(|round| {
            let threads = by_threads(round);
            let fio = if effort.is_test() { None } else { fio(path) };
            fio.map(|fio| (threads, fio))
        })
        .collect();
    let what = "misses of 32 threads, over fio's io_uring with 32 in flight";
    // Nine tenths of what fio does in a second.
    rounds.map(|rounds| Figure::ratio(what, Aim::MustAndGoal(1.11, 1.0), rounds))
}

/// Nanoseconds a read, if fio is installed.
fn fio(path: &Path) -> Option<f64> {
    let output = Command::new("fio")
        .args(["--name=misses", "--rw=randread", "--bs=4k", "--ioengine=io_uring", "--direct=1"])
        .args(["--time_based", "--runtime=1", "--output-format=terse", "--readonly"])
        .arg(format!("--iodepth={IN_FLIGHT}"))
        .arg(format!("--filename={}", path.display()))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    // The eighth field of terse output, version 3, has the reads a second.
    let told = String::from_utf8(output.stdout).ok()?;
    let line = told.lines().find(|line| line.starts_with("3;"))?;
    let reads: f64 = line.split(';').nth(7)?.parse().ok()?;
    (reads > 0.0).then(|| 1e9 / reads)
}

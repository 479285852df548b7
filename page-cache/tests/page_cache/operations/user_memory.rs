//! Reads and writes whose memory is an address space, beside plain vectors.

use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::ops::Range;
use std::thread;

use spanlock_page_cache::{AddressSpace, File, FileOptions, MemStore, Options, PageCache};

use crate::random::Random;

const PAGE: u64 = 4096;
const MEMORY: u64 = 6 * PAGE;
/// The greatest offset of a request. With five segments, requests end within the mapped range.
const STARTS: u64 = 6 * PAGE;
const MAPPED: u64 = 24 * PAGE;

/// A file, memory, and their expected bytes.
struct Pair {
    random: Random,
    file: File,
    memory: AddressSpace,
    anonymous: Range<u64>,
    mapped: Range<u64>,
    /// The expected bytes of the file and of the anonymous memory.
    bytes: Vec<u8>,
    words: Vec<u8>,
}

impl Pair {
    fn new(seed: u64, options: FileOptions) -> Pair {
        // Fewer frames than the file has pages.
        let cache: PageCache = PageCache::with_options(Options::new(16).dirty_limit(8));
        let file = cache.open_with(MemStore::new(), options).unwrap();
        let memory = AddressSpace::new();
        let anonymous = memory.map_anonymous(MEMORY).unwrap();
        let mapped = memory.map_file(&file, 0..MAPPED).unwrap();
        let words = vec![0; MEMORY as usize];
        Pair { random: Random::new(seed), file, memory, anonymous, mapped, bytes: vec![], words }
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn part(&mut self, of: u64) -> Range<usize> {
        let start = self.random.below(of + 1);
        let len = self.random.below((of - start).min(3 * PAGE) + 1);
        start as usize..(start + len) as usize
    }

    fn pattern(&mut self, len: usize) -> Vec<u8> {
        let stamp = self.random.next() as u8;
        (0..len).map(|at| stamp.wrapping_add((at / 3) as u8)).collect()
    }

    /// Segments of the anonymous memory, some of them empty, perhaps with a bad one as the last; and which bytes they
    /// are.
    fn segments(&mut self) -> (Vec<Range<u64>>, Vec<Range<usize>>) {
        let start = self.anonymous.start;
        let count = self.random.below(6);
        let parts: Vec<_> = (0..count).map(|_| self.part(MEMORY)).collect();
        let at = |part: &Range<usize>| start + part.start as u64..start + part.end as u64;
        let mut segments: Vec<_> = parts.iter().map(at).collect();
        if self.random.below(4) == 0 {
            segments.push(16..32);
        }
        (segments, parts)
    }

    fn put(&mut self, offset: u64, from: &[u8]) {
        let (start, end) = (offset as usize, offset as usize + from.len());
        if end > start {
            self.bytes.resize(self.bytes.len().max(end), 0);
            self.bytes[start..end].copy_from_slice(from);
        }
    }

    fn take(&self, offset: u64, len: usize) -> Vec<u8> {
        let start = (offset as usize).min(self.bytes.len());
        self.bytes[start..self.bytes.len().min(start + len)].to_vec()
    }

    fn write(&mut self) {
        let (offset, direct) = (self.random.below(STARTS), self.random.below(2));
        let (segments, parts) = self.segments();
        let from: Vec<u8> =
            parts.iter().flat_map(|part| self.words[part.clone()].to_vec()).collect();
        let write = [File::write_from, File::write_direct_from][direct as usize];
        match write(&self.file, &self.memory, &segments, offset) {
            Ok(written) => assert_eq!(written, from.len(), "{segments:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                assert!(from.is_empty() && segments.last() == Some(&(16..32)), "{error}");
            }
        }
        self.put(offset, &from);
    }

    fn read(&mut self) {
        let (offset, direct) = (self.random.below(STARTS), self.random.below(2));
        let (segments, parts) = self.segments();
        let room = parts.iter().map(Range::len).sum();
        let from = self.take(offset, room);
        let read = [File::read_into, File::read_direct_into][direct as usize];
        match read(&self.file, &self.memory, &segments, offset) {
            Ok(found) => assert_eq!(found, from.len(), "{segments:?} at {offset}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
                assert!(from.is_empty() && segments.last() == Some(&(16..32)), "{error}");
            }
        }
        let mut rest = &from[..];
        for part in parts {
            let (here, after) = rest.split_at(rest.len().min(part.len()));
            self.words[part.start..part.start + here.len()].copy_from_slice(here);
            rest = after;
        }
    }

    /// From the file to the file, where the two parts do not overlap.
    fn copy(&mut self) {
        let from = self.part(self.len());
        let to = self.random.below(STARTS) as usize;
        if from.is_empty() || (to < from.end && from.start < to + from.len()) {
            return;
        }
        let bytes = self.bytes[from.clone()].to_vec();
        let at = |at: usize| self.mapped.start + at as u64;
        let direct = self.random.below(2) as usize;
        if to + from.len() <= self.bytes.len() && self.random.below(2) == 0 {
            let segment = at(to)..at(to + from.len());
            let read = [File::read_into, File::read_direct_into][direct];
            let found = read(&self.file, &self.memory, &[segment], from.start as u64).unwrap();
            assert_eq!(found, bytes.len());
        } else {
            let segment = at(from.start)..at(from.end);
            let write = [File::write_from, File::write_direct_from][direct];
            let written = write(&self.file, &self.memory, &[segment], to as u64).unwrap();
            assert_eq!(written, bytes.len());
        }
        self.put(to as u64, &bytes);
    }

    fn vectored(&mut self) {
        let (offset, part) = (self.random.below(STARTS), self.part(MEMORY));
        let from = self.pattern(part.len());
        let (head, tail) = from.split_at(from.len() / 3);
        let slices = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
        assert_eq!(self.file.write_vectored_at(&slices, offset).unwrap(), from.len());
        self.put(offset, &from);
        let mut to = vec![0; from.len() + 10];
        let (head, tail) = to.split_at_mut(from.len() / 2);
        let mut slices = [IoSliceMut::new(head), IoSliceMut::new(&mut []), IoSliceMut::new(tail)];
        let found = self.file.read_vectored_at(&mut slices, offset).unwrap();
        assert_eq!(to[..found], self.take(offset, from.len() + 10));
    }

    fn access(&mut self) {
        let part = self.part(MEMORY);
        let bytes = self.pattern(part.len());
        self.memory.store(self.anonymous.start + part.start as u64, &bytes).unwrap();
        self.words[part].copy_from_slice(&bytes);
        let part = self.part(self.len());
        let bytes = self.pattern(part.len());
        self.memory.store(self.mapped.start + part.start as u64, &bytes).unwrap();
        self.put(part.start as u64, &bytes);
    }

    fn reshape(&mut self) {
        match self.random.below(4) {
            0 => {
                let len = self.random.below(STARTS);
                self.file.set_len(len).unwrap();
                self.bytes.resize(len as usize, 0);
            }
            1 if self.len() < MAPPED - 3 * PAGE => {
                let part = self.part(MEMORY);
                let bytes = self.pattern(part.len());
                let end = self.len();
                assert_eq!(self.file.append(&bytes).unwrap(), end);
                self.put(end, &bytes);
            }
            2 => self.file.sync_all().unwrap(),
            _ => {
                let page = self.random.below(6) * PAGE;
                for start in [self.anonymous.start, self.mapped.start] {
                    self.memory.evict(start + page..start + page + 3 * PAGE).unwrap();
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.file.len(), self.len());
        let mut bytes = vec![0xff; self.bytes.len()];
        self.memory.load(self.mapped.start, &mut bytes).unwrap();
        assert!(bytes == self.bytes, "mapped");
        self.file.read_exact_at(&mut bytes, 0).unwrap();
        assert!(bytes == self.bytes, "read");
        let mut words = vec![0xff; self.words.len()];
        self.memory.load(self.anonymous.start, &mut words).unwrap();
        assert!(words == self.words, "anonymous");
    }

    fn step(&mut self) {
        match self.random.below(8) {
            0 | 1 => self.write(),
            2 => self.read(),
            3 | 4 => self.copy(),
            5 => self.vectored(),
            6 => self.access(),
            _ => self.reshape(),
        }
    }
}

/// C3, A2, A8. Invariants 4, 5, 7 and 9.
#[test]
fn random_requests_between_a_file_and_memory_agree_with_vectors() {
    for seed in 1..4 {
        let options = FileOptions::new();
        let options = if seed == 3 { options.write_through() } else { options };
        let mut pair = Pair::new(seed, options);
        for step in 0..3000 {
            pair.step();
            if step % 16 == 0 {
                pair.check();
            }
        }
        pair.check();
    }
}

/// A12, C3. Invariants 1 and 3.
#[test]
fn threads_that_write_from_mappings_of_files_that_are_cut_and_punched_see_what_was_written() {
    let cache: PageCache = PageCache::with_options(Options::new(16).dirty_limit(8));
    let files = [(); 2].map(|()| cache.open(MemStore::new()).unwrap());
    let memory = AddressSpace::new();
    let [first, second] = files.each_ref().map(|file| memory.map_file(file, 0..MAPPED).unwrap());
    let work = |seed: u64, to: &File, from: &Range<u64>| {
        let mut random = Random::new(seed);
        let mut bytes = vec![0; 2 * PAGE as usize];
        for round in 0..1500 {
            let (at, len) = (random.below(8 * PAGE), random.below(2 * PAGE) + 1);
            let segment = from.start + at..from.start + at + len;
            // Memory that is past the end of the other file by now makes a request short, or fails it.
            let place = random.below(8 * PAGE);
            match random.below(12) {
                0 => to.set_len(place).unwrap(),
                1 => to.punch_hole(place, len).unwrap(),
                2 => memory.evict(from.start..from.end).unwrap(),
                3 => drop(memory.populate(from.start..from.start + PAGE)),
                4 => to.write_all_at(&vec![1 + (round % 200) as u8; len as usize], place).unwrap(),
                5 => drop(to.write_direct_from(&memory, &[segment], place)),
                6 => drop(to.read_into(&memory, &[segment], place)),
                7 => drop(to.read_direct_into(&memory, &[segment], place)),
                8 => drop(memory.store(segment.start, &bytes[..1])),
                _ => drop(to.write_from(&memory, &[segment], place)),
            }
            let found = to.read_at(&mut bytes, place).unwrap();
            assert!(bytes[..found].iter().all(|&byte| byte <= 200), "bytes that no thread wrote");
        }
    };
    thread::scope(|scope| {
        // From each other, and each from itself.
        for (seed, to, from) in [(1, 0, &second), (2, 1, &first), (3, 0, &first), (4, 1, &second)] {
            let (to, work) = (&files[to], &work);
            scope.spawn(move || work(seed, to, from));
        }
    });
}

#[test]
fn segments_that_no_memory_has_are_refused_and_change_nothing() {
    let file: File = PageCache::new(16).open(MemStore::new()).unwrap();
    file.write_all_at(b"kept", 0).unwrap();
    let memory = AddressSpace::new();
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    let inverted = [0..0, 5..4];
    let endless = [0..u64::MAX, 1..u64::MAX, 7..u64::MAX];
    let writes = [File::write_from, File::write_direct_from];
    let reads = [File::read_into, File::read_direct_into];
    for request in writes.iter().chain(&reads) {
        for offset in [0, 4, i64::MAX as u64, u64::MAX] {
            let error = request(&file, &memory, &inverted, offset).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!(" bytes at {offset} ")), "{error}");
            assert_eq!(request(&file, &memory, &[], offset).unwrap_or(0), 0);
        }
    }
    for write in writes {
        let error = write(&file, &memory, &endless, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
        let near_the_end = u64::MAX - 5..u64::MAX;
        let error = write(&file, &memory, &[near_the_end], 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    for read in reads {
        assert_eq!(read(&file, &memory, &endless, 2).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read(&file, &memory, &endless, u64::MAX).unwrap(), 0);
    }
    for range in [3..PAGE, u64::MAX - 1..u64::MAX] {
        assert!(memory.unmap(range.clone()).is_err() && memory.evict(range).is_err());
    }
    assert!(memory.populate(0..u64::MAX).is_err() && memory.map_anonymous(u64::MAX).is_err());
    assert!(memory.map_anonymous(0).is_err() && memory.map_file(&file, 0..u64::MAX).is_err());
    memory.evict(0..u64::MAX).unwrap();
    memory.unmap(0..u64::MAX).unwrap();
    let mut bytes = [0; 5];
    assert_eq!((file.read_at(&mut bytes, 0).unwrap(), &bytes), (4, b"kept\0"));
}

use std::io;
use std::sync::{Arc, Barrier};
use std::thread;

use spanlock_page_cache::{MemStore, Store};

use super::{Fault, Faults, FaultyStore, Plan, is_injected};

fn store(plan: Plan) -> (FaultyStore<Arc<MemStore>>, Arc<MemStore>, Arc<Faults>) {
    let (inner, faults) = (Arc::new(MemStore::new()), Arc::new(Faults::new(plan)));
    (FaultyStore::new(Arc::clone(&inner), Arc::clone(&faults)), inner, faults)
}

/// What a write of 4096 bytes that `fault` strikes returns, and how many bytes it leaves.
fn struck(fault: Fault) -> (io::Result<usize>, u64) {
    let (store, inner, faults) = store(Plan::Nth(0, fault));
    faults.start();
    let result = store.write_at(&[1; 4096], 0);
    (result, inner.len().unwrap())
}

#[test]
fn each_fault_does_what_its_name_says() {
    for (fault, kind) in [
        (Fault::Refused, io::ErrorKind::Other),
        (Fault::Full, io::ErrorKind::StorageFull),
        (Fault::Interrupted, io::ErrorKind::Interrupted),
    ] {
        let (result, left) = struck(fault);
        let error = result.unwrap_err();
        assert!(is_injected(&error) && error.kind() == kind, "{error}");
        assert_eq!(left, 0);
    }
    let (result, left) = struck(Fault::Short);
    let written = result.unwrap() as u64;
    assert!(0 < written && written < 4096 && left == written);
    let (result, left) = struck(Fault::Late);
    assert!(is_injected(&result.unwrap_err()));
    assert!(left.is_multiple_of(512) && left <= 4096);
    for fault in [Fault::Delayed, Fault::Overtaken] {
        let (result, left) = struck(fault);
        assert_eq!((result.unwrap(), left), (4096, 4096));
    }
}

#[test]
fn a_plan_strikes_nothing_before_it_starts_nor_after_it_stopped() {
    let (store, _, faults) = store(Plan::Nth(0, Fault::Refused));
    store.sync().unwrap();
    faults.start();
    store.sync().unwrap_err();
    store.sync().unwrap();
    faults.stop();
    store.sync().unwrap();
    assert_eq!(faults.requests(), 2);
    assert_eq!(faults.struck(Fault::Refused), 1);
}

#[test]
fn a_seed_strikes_the_same_requests_again_with_every_fault() {
    let run = |seed| {
        let (store, _, faults) = store(Plan::Seeded(seed));
        faults.start();
        let outcomes: Vec<_> = (0..4000)
            .map(|_| store.write_at(&[1; 1000], 0).map_err(|error| error.kind()))
            .collect();
        (outcomes, Fault::ALL.map(|fault| faults.struck(fault)))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
    for (fault, count) in Fault::ALL.into_iter().zip(run(1).1) {
        assert!((1..1000).contains(&count), "{count} times {fault}");
    }
}

/// A store whose writes at 8292 last until they are let go.
struct Slow {
    writing: Barrier,
    written: Barrier,
}

impl Store for Slow {
    fn read_at(&self, bytes: &mut [u8], _: u64) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if offset == 8292 {
            self.writing.wait();
            self.written.wait();
        }
        Ok(bytes.len())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(1 << 20)
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn punch_hole(&self, _: u64, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_should_exclude_each_other_is_seen_to_collide() {
    let faults = Arc::new(Faults::new(Plan::Never));
    let slow = Slow { writing: Barrier::new(2), written: Barrier::new(2) };
    let store = FaultyStore::new(slow, Arc::clone(&faults));
    thread::scope(|scope| {
        scope.spawn(|| store.write_at(&[0; 100], 8292).unwrap());
        store.inner.writing.wait();
        store.write_at(&[0; 8192], 0).unwrap();
        store.read_at(&mut [0; 8193], 0).unwrap();
        store.sync().unwrap();
        // Past the write, in its page.
        store.set_len(8392).unwrap();
        assert_eq!(faults.collisions(), [""; 0]);
        store.write_at(&[0; 8193], 0).unwrap();
        store.punch_hole(10_000, 1 << 20).unwrap();
        store.set_len(8391).unwrap();
        assert_eq!(faults.collisions().len(), 3, "{:?}", faults.collisions());
        store.inner.written.wait();
    });
}

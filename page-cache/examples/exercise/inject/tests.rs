use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spanlock_page_cache::{File, Mapping};

use super::trial::{Look, Trial};
use super::{Scope, inject};
use crate::oracle::knowledge::WriteMode;
use crate::stores::crash::{Honesty, Volatile};
use crate::stores::faults::{Fault, Plan};
use crate::subject::Subject;

const SCOPE: Scope =
    Scope { seed: 5, workloads: 1, operations: 20, between_crashes: 5, crash_runs: 4, crashes: 4 };

fn trial(plan: Plan) -> Trial {
    Trial {
        plan,
        seed: 5,
        mode: WriteMode::Back,
        scope: Scope { operations: 120, ..SCOPE },
        crashes: 8,
        look: Look::InTheEnd,
    }
}

/// Invariants 1 to 5, 7, 9, 10, 14 and 15.
#[test]
fn no_fault_of_any_request_and_no_crash_does_harm() {
    let injection = inject(SCOPE);
    print!("{injection}");
    assert_eq!(injection.findings(), 0, "{injection}");
}

#[test]
fn a_store_whose_syncs_do_nothing_is_found_by_a_crash() {
    let store = Arc::new(Volatile::new(super::trial::limit(), Honesty::Lying));
    let finding = trial(Plan::Never).run_on(store, |file| file).finding.expect("a finding");
    assert!(finding.contains("a crash after "), "{finding}");
}

/// What is wrong with a file whose store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    /// A sync makes nothing durable.
    NoSync,
    /// A sync hides its error.
    SilentSync,
    /// A write that failed reports success.
    SilentWrite,
    /// A change of length that failed reports success.
    SilentTruncation,
    /// Of two syncs that fail one after the other the second reports success.
    ForgetfulSync,
}

struct Flawed {
    file: File,
    flaw: Flaw,
    forgets: AtomicBool,
}

impl Flawed {
    fn hide<T>(&self, flaw: Flaw, result: io::Result<T>, success: T) -> io::Result<T> {
        if self.flaw == flaw { Ok(result.unwrap_or(success)) } else { result }
    }
}

impl Subject for Flawed {
    type Mapping = Mapping;

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.hide(Flaw::SilentWrite, self.file.write_at(bytes, offset), bytes.len())
    }

    fn read_direct_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_direct_at(bytes, offset)
    }

    fn write_direct_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.hide(Flaw::SilentWrite, self.file.write_direct_at(bytes, offset), bytes.len())
    }

    fn map(&self, range: Range<u64>) -> io::Result<Mapping> {
        self.file.map(range)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.hide(Flaw::SilentTruncation, self.file.set_len(len), ())
    }

    fn len(&self) -> u64 {
        self.file.len()
    }

    fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        self.file.punch_hole(offset, len)
    }

    fn writeback(&self, range: Range<u64>) -> io::Result<()> {
        self.file.writeback(range)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn sync_all(&self) -> io::Result<()> {
        if self.flaw == Flaw::NoSync {
            return Ok(());
        }
        let synced = self.file.sync_all();
        if self.flaw == Flaw::ForgetfulSync && self.forgets.swap(synced.is_err(), Ordering::SeqCst)
        {
            return Ok(());
        }
        self.hide(Flaw::SilentSync, synced, ())
    }
}

fn dress(flaw: Flaw) -> impl Fn(File) -> Flawed {
    move |file| Flawed { file, flaw, forgets: AtomicBool::new(false) }
}

#[test]
fn a_file_that_hides_what_failed_is_found() {
    for flaw in [
        Flaw::NoSync,
        Flaw::SilentSync,
        Flaw::SilentWrite,
        Flaw::SilentTruncation,
        Flaw::ForgetfulSync,
    ] {
        let found = (0..2000).any(|number| {
            let trial = trial(Plan::Nth(number, Fault::Refused));
            let store = Arc::new(Volatile::new(super::trial::limit(), Honesty::Honest));
            trial.run_on(store, dress(flaw)).finding.is_some()
        });
        assert!(found, "{flaw:?}");
    }
}

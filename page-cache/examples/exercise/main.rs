//! Exercises the page cache on real files: all operations at once, from many threads. An oracle checks
//! each sector that is read.
//!
//! `--lock none` switches the lock off, and shows that the check can fail.

mod crew;
mod differential;
mod inject;
mod kill;
mod options;
mod oracle;
mod page_size;
mod report;
mod run;
mod stores;
mod subject;
mod worker;
mod workload;

use std::error::Error;
use std::io::{self, Write};
use std::process::exit;
use std::sync::Arc;

use spanlock::MappingLock;
use spanlock_page_cache::{Unlocked, WholeFile};

use inject::Scope;
use options::{Command, Invocation, LockKind, Options, Output};
use report::{Report, Settings, Verdict};
use run::{crowded_size, run};
use subject::test_file::Backing;

const CLEAN: i32 = 0;
const CORRUPT: i32 = 1;
const UNABLE: i32 = 2;
const INCOMPLETE: i32 = 3;

fn main() {
    // Not by returning: a thread that is stuck in the cache must not keep the process alive.
    exit(match exercise() {
        Ok(status) => status,
        Err(error) => {
            let _ = writeln!(io::stderr(), "exercise: {error}");
            UNABLE
        }
    })
}

fn exercise() -> Result<i32, Box<dyn Error>> {
    let Invocation { command, page_size } = Invocation::parse(lexopt::Parser::from_env())?;
    page_size::set(page_size);
    match command {
        Command::Run(options) => judge(&options),
        Command::Compare(options) => {
            print(&mut io::stdout(), &format!("seed {}:\n", options.seed));
            let comparison = differential::compare(&options)?;
            print(&mut io::stdout(), &comparison.to_string());
            Ok(if comparison.difference.is_none() { CLEAN } else { CORRUPT })
        }
        Command::Inject(seed) => {
            print(&mut io::stdout(), &format!("seed {seed}:\n"));
            let injection = inject::inject(Scope::new(seed));
            print(&mut io::stdout(), &injection.to_string());
            Ok(if injection.findings() == 0 { CLEAN } else { CORRUPT })
        }
        Command::Kill(killing) => {
            print(&mut io::stdout(), &format!("seed {}:\n", killing.seed));
            let outcome = kill::kill(&killing)?;
            print(&mut io::stdout(), &outcome.to_string());
            Ok(if outcome.findings() == 0 { CLEAN } else { CORRUPT })
        }
        Command::Serve(serving) => {
            kill::serve(&serving)?;
            Ok(CLEAN)
        }
        Command::Help => {
            print(&mut io::stdout(), options::HELP);
            Ok(CLEAN)
        }
    }
}

fn judge(options: &Options) -> Result<i32, Box<dyn Error>> {
    let files: Result<Vec<_>, _> =
        (0..options.files).map(|file| Backing::create(options, file).map(Arc::new)).collect();
    let files = files?;
    let crowded = Options { file: None, size: crowded_size(), ..options.clone() };
    let crowded = Arc::new(Backing::create(&crowded, 0)?);
    let all: Vec<_> = files.iter().cloned().chain([crowded]).collect();
    let heading = format!("{}\n", Settings::of(options, &files));
    match options.output {
        Output::Table => print(&mut io::stdout(), &heading),
        Output::Json => print(&mut io::stderr(), &heading),
    }
    if let Some(refusal) = files.iter().find_map(|file| file.refusal()) {
        print(&mut io::stderr(), &format!("exercise: {refusal}\n"));
    }
    let run = match options.lock {
        LockKind::Range => run::<MappingLock>(options, &all),
        LockKind::WholeFile => run::<WholeFile>(options, &all),
        LockKind::Nothing => run::<Unlocked>(options, &all),
    }?;
    let report = Report::new(options, &files, &run);
    match options.output {
        Output::Table => print(&mut io::stdout(), &report.to_string()),
        Output::Json => {
            print(&mut io::stdout(), &format!("{}\n", serde_json::to_string_pretty(&report)?));
        }
    }
    Ok(match report.verdict {
        Verdict::Clean => CLEAN,
        Verdict::Incomplete => INCOMPLETE,
        Verdict::Corrupt => CORRUPT,
    })
}

/// Writes `text`. A closed output does not change the exit status.
fn print(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

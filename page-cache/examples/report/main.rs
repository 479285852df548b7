//! Measures the lock and the page cache beside their neighbours and writes `docs/performance.md`, with charts.
//!
//! ```text
//! cargo run --release --example report [-- [--brief | --quick] [--only PART]... [--out FOLDER]]
//! ```
//!
//! `--only` measures some parts again and keeps the others as the page has them. `--brief` measures a
//! third of the rounds, and the page says so. `--quick` measures for a moment, only to show that
//! everything runs; it writes to `target/report` unless an option says otherwise. Nothing here asserts how fast
//! anything is.

mod chart;
mod grid;
mod lab;
mod machine;
mod page;
mod sections;
mod summary;
mod why;

#[path = "../../benches/page_cache/mod.rs"]
mod groups;
#[path = "../../../benches/harness/mod.rs"]
mod harness;

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::{Arg, ValueExt};

use harness::interleave::Rounds;
use lab::Lab;
use machine::Machine;
use page::Page;
use sections::{SECTIONS, Section};

const TEMPLATE: &str = include_str!("template.md");

/// How long to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Full,
    Brief,
    Quick,
}

impl Effort {
    /// For a ratio that is to be trusted to a few per cent.
    fn ratio(self) -> Rounds {
        self.rounds(101, Duration::from_millis(4))
    }

    /// For one of many entries of a table. More threads than processors need longer rounds, as
    /// each must get its turns from the scheduler.
    fn entry(self, threads: usize) -> Rounds {
        let length = Duration::from_millis(if threads > 2 { 15 } else { 5 });
        self.rounds(15, length)
    }

    /// The same for operations of microseconds.
    fn work(self) -> Rounds {
        self.rounds(15, Duration::from_millis(20))
    }

    /// For a distribution whose far end counts.
    fn distribution(self) -> Rounds {
        self.rounds(12, Duration::from_millis(50))
    }

    /// For waits, of which there are a few thousand a second.
    fn waits(self) -> Rounds {
        self.rounds(16, Duration::from_millis(250))
    }

    /// What the page says of it.
    fn remark(self) -> &'static str {
        match self {
            Effort::Full => "",
            Effort::Brief => "; a third of the usual rounds",
            Effort::Quick => "; no measurement, only a trial of the program",
        }
    }

    fn rounds(self, count: usize, length: Duration) -> Rounds {
        match self {
            Effort::Full => Rounds { count, length },
            Effort::Brief => Rounds { count: count.div_ceil(3), length },
            Effort::Quick => Rounds { count: 3, length: Duration::from_micros(100) },
        }
    }
}

struct Options {
    effort: Effort,
    /// The parts to measure; all if it names none.
    only: Vec<String>,
    out: PathBuf,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Options, lexopt::Error> {
        let (mut effort, mut only, mut out) = (Effort::Full, Vec::new(), None);
        while let Some(argument) = arguments.next()? {
            match argument {
                Arg::Long("brief") => effort = Effort::Brief,
                Arg::Long("quick") => effort = Effort::Quick,
                Arg::Long("only") => only.push(part(arguments.value()?.string()?)?),
                Arg::Long("out") => out = Some(PathBuf::from(arguments.value()?)),
                other => return Err(other.unexpected()),
            }
        }
        let usual = match effort {
            Effort::Full | Effort::Brief => "docs",
            Effort::Quick => "target/report",
        };
        Ok(Options { effort, only, out: out.unwrap_or_else(|| usual.into()) })
    }
}

/// The name of a part, if there is one of that name.
fn part(name: String) -> Result<String, lexopt::Error> {
    match SECTIONS.iter().any(|(part, _)| *part == name) {
        true => Ok(name),
        false => Err(format!("no part is called {name:?}").into()),
    }
}

fn main() -> ExitCode {
    let options = match Options::parse(lexopt::Parser::from_env()) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!(
                "report: {wrong}; usage: report [--brief | --quick] [--only PART]... [--out FOLDER]"
            );
            return ExitCode::from(2);
        }
    };
    match report(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: cannot write to {}: {error}", options.out.display());
            ExitCode::from(2)
        }
    }
}

fn report(options: &Options) -> io::Result<()> {
    fs::create_dir_all(&options.out)?;
    let machine = Machine::look();
    println!("{machine}");
    let start = Instant::now();
    let earlier = Page::read(&options.out)?;
    let mut page = Page::new(TEMPLATE.replace("<!-- machine -->", &machine.markdown()));
    let part = Cell::new("");
    let progress = |what: &str| {
        println!("{:5.0} s  {}: {what}", start.elapsed().as_secs_f64(), part.get());
    };
    let lab = Lab::new(options.effort, &progress);
    for (name, measure) in &SECTIONS {
        if !options.only.is_empty() && !options.only.iter().any(|part| part == name) {
            page.keep(name, &earlier);
            continue;
        }
        part.set(name);
        let Section { markdown, charts, grids } = measure(&lab);
        let when = machine.when() + options.effort.remark();
        let markdown = format!("*{when}.*\n\n{markdown}");
        page.add(name, &markdown, grids.iter().map(|grid| grid.json(name, &when)));
        for (file, svg) in charts {
            fs::write(options.out.join(file), svg)?;
        }
    }
    match summary::of(page.grids()) {
        Some((markdown, (file, svg))) => {
            page.add(summary::NAME, &markdown, []);
            fs::write(options.out.join(file), svg)?;
        }
        None => page.keep(summary::NAME, &earlier),
    }
    page.write(&options.out, &machine.json())?;
    println!("wrote to {}", options.out.display());
    Ok(())
}

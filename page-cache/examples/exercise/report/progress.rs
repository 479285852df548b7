//! Progress on stderr: a bar on a terminal, a line every second elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::options::Extent;
use crate::report::grouped;

const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Where progress is shown.
pub enum Progress {
    Bar { bar: ProgressBar, extent: Extent },
    Lines { extent: Extent, next: Duration },
}

impl Progress {
    /// Progress of a run of this extent.
    pub fn new(extent: Extent) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress::Lines { extent, next: BETWEEN_LINES };
        }
        let bar = ProgressBar::new(match extent {
            Extent::Time(duration) => duration.as_millis() as u64,
            Extent::Operations(count) => count,
        });
        let style = ProgressStyle::with_template("{wide_bar} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress::Bar { bar, extent }
    }

    /// Shows that `operations` were performed since `start`.
    pub fn show(&mut self, start: Instant, operations: u64) {
        let elapsed = start.elapsed();
        match self {
            Progress::Bar { bar, extent } => {
                bar.set_position(match extent {
                    Extent::Time(duration) => elapsed.min(*duration).as_millis() as u64,
                    Extent::Operations(count) => operations.min(*count),
                });
                bar.set_message(message(elapsed, *extent, operations));
            }
            Progress::Lines { extent, next } if elapsed >= *next => {
                *next += BETWEEN_LINES;
                // A closed stderr does not stop the run.
                let _ = writeln!(io::stderr(), "{}", message(elapsed, *extent, operations));
            }
            Progress::Lines { .. } => {}
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Progress::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn message(elapsed: Duration, extent: Extent, operations: u64) -> String {
    let rate = operations as f64 / elapsed.as_secs_f64().max(1e-9);
    let (seconds, rate) = (elapsed.as_secs_f64(), grouped(rate as u64));
    let operations = grouped(operations);
    match extent {
        Extent::Time(_) => format!("{seconds:.0} of {extent}, {operations} operations, {rate}/s"),
        Extent::Operations(_) => format!("{seconds:.0} s, {operations} of {extent}, {rate}/s"),
    }
}

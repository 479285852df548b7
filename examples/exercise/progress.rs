//! Progress on stderr: a bar on a terminal, a line every second elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::grouped;

const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Where progress is shown.
pub enum Progress {
    Bar { bar: ProgressBar, duration: Duration },
    Lines { duration: Duration, next: Duration },
}

impl Progress {
    /// Progress of a run that takes `duration`.
    pub fn new(duration: Duration) -> Progress {
        if !io::stderr().is_terminal() {
            return Progress::Lines { duration, next: BETWEEN_LINES };
        }
        let bar = ProgressBar::new(duration.as_millis() as u64);
        let style = ProgressStyle::with_template("{wide_bar} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Progress::Bar { bar, duration }
    }

    /// Shows that `operations` were done since `start`.
    pub fn show(&mut self, start: Instant, operations: u64) {
        let elapsed = start.elapsed();
        match self {
            Progress::Bar { bar, duration } => {
                bar.set_position(elapsed.min(*duration).as_millis() as u64);
                bar.set_message(message(elapsed, *duration, operations));
            }
            Progress::Lines { duration, next } if elapsed >= *next => {
                *next += BETWEEN_LINES;
                // A closed stderr is no reason to stop.
                let _ = writeln!(io::stderr(), "{}", message(elapsed, *duration, operations));
            }
            Progress::Lines { .. } => {}
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Progress::Bar { bar, .. } = self {
            bar.finish_and_clear();
        }
    }
}

fn message(elapsed: Duration, duration: Duration, operations: u64) -> String {
    let rate = operations as f64 / elapsed.as_secs_f64().max(1e-9);
    format!(
        "{:.0} of {} s, {} operations, {}/s",
        elapsed.as_secs_f64(),
        duration.as_secs_f64(),
        grouped(operations),
        grouped(rate as u64),
    )
}

//! On what machine the figures were measured.

use std::fmt;
use std::process::Command;
use std::{env, fs, thread};

use serde_json::{Value, json};

/// What determines the speed of this machine, as far as it is known.
pub struct Machine {
    processor: String,
    threads: usize,
    system: String,
    compiler: String,
    date: String,
    /// How many threads wanted to run in the minute before.
    load: String,
}

impl Machine {
    pub fn look() -> Machine {
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.to_owned()));
        let load = read("/proc/loadavg").split(' ').next().map(str::to_owned);
        Machine {
            processor: processor.unwrap_or_else(|| env::consts::ARCH.to_owned()),
            threads: thread::available_parallelism().map_or(1, usize::from),
            system: answer("uname", &["-srm"]),
            compiler: answer("rustc", &["--version"]),
            date: answer("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
            load: load.filter(|load| !load.is_empty()).unwrap_or_else(|| "unknown".to_owned()),
        }
    }

    pub fn markdown(&self) -> String {
        format!(
            "| | |\n| --- | --- |\n| processor | {} |\n| hardware threads | {} |\n\
             | system | {} |\n| compiler | {} |",
            self.processor, self.threads, self.system, self.compiler
        )
    }

    /// When it was looked at, and how busy it was.
    pub fn when(&self) -> String {
        format!("Measured {}; load average when it began: {}", self.date, self.load)
    }

    pub fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "hardware threads": self.threads,
            "system": self.system,
            "compiler": self.compiler,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} hardware threads, {}, {}, load {}",
            self.processor, self.threads, self.system, self.compiler, self.load
        )
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn answer(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}

//! The figures that the cache has to reach, beside what each must be and what its goal is.
//!
//! Both sides of a ratio are measured in turns, in one run; a figure is the median of the ratios of
//! its rounds, with their quartiles. `docs/performance.md` has a run of all, and says what they
//! mean.
//!
//! `cargo bench -p spanlock-page-cache --bench targets`, with names of groups (`cached`, `hot`,
//! `large`, `misses`, `start`) to measure only those. With `--test` each is run for a moment. The
//! groups `large` and `misses` make files of 1 GiB in `TMPDIR`; `misses` needs a file system there
//! with O_DIRECT, and is compared with fio if that is installed.

#[path = "targets/cached.rs"]
mod cached;
#[path = "targets/figure.rs"]
mod figure;
#[path = "targets/hot.rs"]
mod hot;
#[path = "targets/large.rs"]
mod large;
#[path = "targets/misses.rs"]
mod misses;
#[path = "../../benches/harness/processors.rs"]
mod processors;

use figure::{Effort, Figure};

type Measure = fn(Effort) -> Vec<Figure>;

const GROUPS: [(&str, Measure); 5] = [
    ("cached", cached::figures),
    ("hot", hot::figures),
    ("large", large::figures),
    ("misses", misses::figures),
    ("start", large::start),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_test = arguments.iter().any(|argument| argument == "--test");
    let effort = match is_test {
        true => Effort { rounds: 1, divisor: 256 },
        false => Effort { rounds: 41, divisor: 1 },
    };
    let wanted: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    println!("| figure | measured | quartiles | must | goal | ns | |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
    for (name, measure) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            measure(effort).iter().for_each(|figure| println!("{figure}"));
        }
    }
}

use std::path::PathBuf;
use std::time::Duration;

use super::{Command, DirectFiles, Extent, Invocation, LockKind, Options, Output, StoreAccess};
use crate::oracle::knowledge::Reliability;

fn parse(arguments: &[&str]) -> Result<Command, String> {
    let parsed = Invocation::parse(lexopt::Parser::from_args(arguments));
    parsed.map(|parsed| parsed.command).map_err(|error| error.to_string())
}

fn options(arguments: &[&str]) -> Options {
    match parse(arguments) {
        Ok(Command::Run(options)) => options,
        other => panic!("{arguments:?}: {other:?}"),
    }
}

#[test]
fn without_arguments_there_is_a_run_of_ten_seconds() {
    let options = options(&[]);
    assert_eq!(options.file, None);
    assert_eq!((options.size, options.cache), (64 << 20, 4 << 10));
    assert_eq!((options.files, options.threads), (4, 4));
    assert_eq!(options.extent, Extent::Time(Duration::from_secs(10)));
    assert_eq!((options.store, options.log), (Reliability::Sound, None));
    assert_eq!(options.lock, LockKind::Range);
    assert_eq!((options.direct, options.output), (DirectFiles::EveryThird, Output::Table));
}

#[test]
fn every_argument_is_understood() {
    let options = options(&[
        "--file",
        "some/file",
        "--size=1G",
        "--cache",
        "64K",
        "--files",
        "3",
        "--threads",
        "2",
        "--seconds",
        "0.5",
        "--seed",
        "0x10",
        "--lock",
        "rwlock",
        "--direct",
        "--faults",
        "--log=some/log",
        "--json",
    ]);
    let expected = Options {
        file: Some(PathBuf::from("some/file")),
        size: 1 << 30,
        cache: 16,
        files: 3,
        threads: 2,
        extent: Extent::Time(Duration::from_millis(500)),
        seed: 16,
        lock: LockKind::WholeFile,
        direct: DirectFiles::All,
        store: Reliability::Failing,
        log: Some(PathBuf::from("some/log")),
        output: Output::Json,
    };
    assert_eq!(options, expected);
    assert_eq!(parse(&["--help", "--nonsense"]), Ok(Command::Help));
}

#[test]
fn operations_are_shared_out_to_the_last_one() {
    let extent = options(&["--operations", "1000"]).extent;
    assert_eq!(extent, Extent::Operations(1000));
    assert_eq!((0..7).map(|thread| extent.share(thread, 7)).sum::<u64>(), 1000);
    assert_eq!(extent.share(6, 7), 142);
}

#[test]
fn sizes_have_the_usual_suffixes() {
    for (text, bytes) in
        [("4096", 4096), ("8k", 8192), ("8KiB", 8192), ("2m", 2 << 20), ("3GB", 3 << 30)]
    {
        assert_eq!(options(&["--size", text]).size, bytes, "{text}");
    }
}

#[test]
fn the_cache_is_a_quarter_of_the_size_and_a_page_at_least() {
    assert_eq!(options(&["--size", "16M"]).cache, 1024);
    assert_eq!(options(&["--size", "4097"]).cache, 1);
}

#[test]
fn a_named_file_is_alone_unless_more_are_asked_for() {
    assert_eq!(options(&["--file", "name"]).files, 1);
    assert_eq!(options(&["--file", "name", "--files", "2"]).files, 2);
}

#[test]
fn of_three_files_one_is_direct_and_of_direct_ones_all_are() {
    use StoreAccess::{Buffered, Direct};
    let of = |options: Options| [0, 1, 2, 3].map(|file| options.access(file));
    assert_eq!(of(options(&[])), [Buffered, Buffered, Direct, Buffered]);
    assert_eq!(of(options(&["--direct"])), [Direct; 4]);
}

#[test]
fn bad_arguments_are_named() {
    for (arguments, named) in [
        (&["--size", "0"][..], "--size 0 is less than one page"),
        (&["--size", "-1"], "\"-1\" is not a size"),
        (&["--size", "1X"], "\"1X\" is not a size"),
        (&["--size", "M"], "\"M\" is not a size"),
        (&["--size", "99999999T"], "more than any file can hold"),
        (&["--size", "18446744073709551616"], "is not a size"),
        (&["--cache", "0"], "--cache 0 is less than one page"),
        (&["--threads", "0"], "--threads \"0\""),
        (&["--threads", "1025"], "1 to 1024"),
        (&["--threads", "many"], "\"many\""),
        (&["--files", "0"], "1 to 100"),
        (&["--operations", "0"], "--operations \"0\""),
        (&["--operations", "1e6"], "--operations \"1e6\""),
        (&["--seconds", "0"], "greater than 0"),
        (&["--seconds", "-1"], "greater than 0"),
        (&["--seconds", "nan"], "greater than 0"),
        (&["--seconds", "inf"], "more than a year"),
        (&["--seed", "seed"], "--seed \"seed\""),
        (&["--lock", "mutex"], "none of range, rwlock and none"),
        (&["--file", ""], "--file needs a path"),
        (&["--file"], "'--file'"),
        (&["--nonsense"], "'--nonsense'"),
        (&["--json=yes"], "'--json'"),
        (&["stray"], "\"stray\""),
    ] {
        let error = parse(arguments).expect_err(&format!("{arguments:?}"));
        assert!(error.contains(named), "{arguments:?}: {error}");
        assert!(!error.contains('\n'), "{arguments:?}: {error}");
    }
}

#[test]
fn a_page_size_is_understood_and_counts_the_cache() {
    let parsed = |arguments: &[&str]| Invocation::parse(lexopt::Parser::from_args(arguments));
    assert_eq!(parsed(&[]).unwrap().page_size, 4096);
    let large = parsed(&["--page-size", "64K", "--cache", "2M"]).unwrap();
    assert_eq!(large.page_size, 65536);
    assert!(matches!(large.command, Command::Run(Options { cache: 32, .. })));
    for wrong in ["12K", "128K", "1"] {
        assert!(parsed(&["--page-size", wrong]).is_err(), "{wrong}");
    }
}

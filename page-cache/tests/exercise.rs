//! The exerciser as its users meet it: a process with arguments, an exit status and two streams.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The built example. Cargo tells tests where binaries are, but not where examples are.
fn exerciser() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--example", "exercise", "--message-format", "json"]);
        build.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let built = build.output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let messages = String::from_utf8(built.stdout).expect("messages are text");
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "exercise")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// The exerciser with a temp folder of its own.
fn command(temp: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(exerciser());
    command.args(arguments).env("TMPDIR", temp.path()).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Output, TempDir) {
    let temp = TempDir::new().expect("a temp folder");
    let output = command(&temp, arguments).output().expect("the exerciser runs");
    (output, temp)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what it writes is text")
}

fn files_in(temp: &TempDir) -> usize {
    fs::read_dir(temp.path()).expect("the temp folder is there").count()
}

/// So many operations that each kind occurs several times.
const SMALL: [&str; 6] = ["--size", "8M", "--cache", "1M", "--operations", "8000"];

const INCOMPLETE: &str = "incomplete: no error was found, but the run did not cover: ";

/// Asserts that a run has found nothing, and covered everything but pageouts: there are none if other threads always
/// write a page before the worker that has been asked to, which depends on the load of the machine.
fn assert_clean(output: &Output) {
    let stdout = text(&output.stdout);
    let unmet = match serde_json::from_str::<Value>(stdout) {
        Ok(report) => report["unmet"].to_string(),
        Err(_) => {
            let list = stdout.lines().last().and_then(|line| line.strip_prefix(INCOMPLETE));
            list.map_or("[]".to_owned(), |list| format!("[{list:?}]"))
        }
    };
    let expected = if unmet == "[\"pageouts\"]" { 3 } else { 0 };
    assert_eq!(output.status.code(), Some(expected), "{stdout}");
}

#[test]
fn a_run_that_finds_nothing_ends_with_0_and_a_table() {
    for lock in ["range", "rwlock"] {
        let (output, temp) = run(&[&SMALL[..], &["--seed", "42", "--lock", lock]].concat());
        let stdout = text(&output.stdout);
        assert_clean(&output);
        assert!(stdout.starts_with(&format!("seed 42: lock {lock}, 4 threads, ")), "{stdout}");
        for path in
            ["read", "write", "load", "store", "direct read", "truncate", "fsync", "reopen", "all"]
        {
            assert!(stdout.lines().any(|line| line.starts_with(path)), "{path} in {stdout}");
        }
        assert!(stdout.contains("mapping, fault"), "{stdout}");
        assert!(!stdout.contains(" 0 evictions"), "{stdout}");
        assert_eq!(files_in(&temp), 0);
    }
}

#[test]
fn a_run_of_more_than_a_second_prints_a_line_of_progress() {
    let (output, _) = run(&["--size", "8M", "--cache", "1M", "--seconds", "1.1"]);
    // The machine may be too slow for all paths.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", text(&output.stdout));
    let stderr = text(&output.stderr);
    assert!(stderr.contains(" of 1.1 s, "), "a line of progress in {stderr:?}");
}

#[test]
fn cached_files_over_every_store_are_compared_with_a_plain_one() {
    let arguments = ["--differential", "--size", "2M", "--operations", "2000", "--seed", "11"];
    let (output, temp) = run(&arguments);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(stdout.starts_with("seed 11:\n"), "{stdout}");
    assert!(stdout.contains("2,000 operations on each"), "{stdout}");
    assert!(stdout.contains("\nagreed: "), "{stdout}");
    assert_eq!(files_in(&temp), 0);
}

/// Runs `arguments` with a log, and returns what it printed on stdout, and the log.
fn logged(arguments: &[&str]) -> (String, String) {
    let folder = TempDir::new().expect("a temp folder");
    let log = folder.path().join("log");
    let name = log.to_str().expect("a temp folder whose name is text");
    let (output, _) = run(&[arguments, &["--log", name]].concat());
    assert_clean(&output);
    (text(&output.stdout).to_owned(), fs::read_to_string(&log).expect("a log"))
}

#[test]
fn one_thread_does_and_sees_the_same_again_with_the_same_seed() {
    let replay = |seed| {
        let size = ["--size", "1M", "--cache", "256K", "--operations", "3000", "--files", "2"];
        let (stdout, log) = logged(&[&size[..], &["--threads", "1", "--seed", seed]].concat());
        let digest = stdout.lines().find(|line| line.starts_with("digest ")).expect("a digest");
        (digest.to_owned(), log)
    };
    assert_eq!(replay("8"), replay("8"));
    assert_ne!(replay("8"), replay("9"));
    // For some operations there is no room.
    assert!(replay("8").1.lines().count() > 2400);
}

#[test]
fn a_failure_of_a_store_is_distinguished_from_one_of_the_cache() {
    let (stdout, log) =
        logged(&[&SMALL[..], &["--seed", "5", "--files", "3", "--faults"]].concat());
    assert!(stdout.contains("\nfaults: "), "{stdout}");
    assert!(log.lines().any(|line| line.ends_with(": other error")), "an operation failed");
}

#[test]
fn without_the_lock_corruption_is_found_reported_and_ends_with_1() {
    let (output, temp) = run(&["--lock", "none", "--seconds", "120", "--size", "8M"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("\nfinding 1: "), "{stdout}");
    for part in ["  seen by   ", "  found     ", "\nthe last operations ", "\ncorrupt: "] {
        assert!(stdout.contains(part), "{part:?} in {stdout}");
    }
    assert_eq!(files_in(&temp), 0);
}

#[test]
fn by_default_there_are_several_files_one_of_them_direct_and_pages_are_evicted() {
    let (output, _) = run(&["--operations", "10000", "--json", "--seed", "3"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_clean(&output);
    assert!(report["settings"]["files"].as_u64() > Some(2), "{report}");
    assert!(report["cache"]["evictions"].as_u64() > Some(60), "{report}");
    assert!(report["cache"]["crowded_evictions"].as_u64() > Some(60), "{report}");
    let is_direct = report["settings"]["direct_files"].as_u64() == Some(1);
    let refused = text(&output.stderr).contains("no direct access to a file at ");
    assert!(is_direct != refused, "{report}");
}

#[test]
fn a_run_that_evicts_nothing_is_reported_as_incomplete() {
    let (output, _) = run(&["--size", "1M", "--cache", "64M", "--operations", "3000"]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{stdout}");
    let last = stdout.lines().last().expect("a verdict");
    assert!(last.starts_with("incomplete: "), "{stdout}");
    // What a hint drops counts as evicted, so there may be evictions nevertheless.
    assert!(last.contains("pageouts"), "{stdout}");
}

#[test]
fn a_run_too_short_for_all_paths_names_those_that_it_did_not_take() {
    let (output, _) = run(&["--operations", "5", "--threads", "1", "--json", "--seed", "1"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(output.status.code(), Some(3), "{report}");
    assert_eq!(report["verdict"], "incomplete");
    let unmet = report["unmet"].as_array().expect("a list");
    assert!(unmet.len() > 15 && unmet.iter().any(|path| path == "fsync"), "{report}");
}

#[test]
fn json_is_one_object_and_the_seed_is_printed_to_stderr() {
    let (output, _) = run(&[&SMALL[..], &["--seed", "7", "--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_clean(&output);
    assert_eq!(report["findings"], 0);
    assert_eq!(report["settings"]["seed"], 7);
    assert_eq!(report["settings"]["size"], 8 << 20);
    let paths = report["paths"].as_array().expect("paths");
    assert_eq!(paths.len(), 48);
    for path in paths {
        assert!(path["p50"].as_u64() <= path["p99"].as_u64(), "{path}");
        assert!(path["p99"].as_u64() <= path["max"].as_u64(), "{path}");
    }
    assert!(report["claims"].as_array().is_some_and(|claims| !claims.is_empty()));
    assert!(text(&output.stderr).starts_with("seed 7: "));
}

#[test]
fn what_processes_have_synced_survives_when_they_are_killed() {
    for more in [&[][..], &["--direct"]] {
        let (output, temp) = run(&[&["--kill", "6", "--seed", "4"], more].concat());
        let stdout = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{stdout}");
        assert!(stdout.contains("6 processes killed"), "{stdout}");
        assert!(stdout.contains(": 0 findings"), "{stdout}");
        assert_eq!(files_in(&temp), 0);
    }
}

#[test]
fn bad_arguments_end_with_2_and_one_line() {
    for arguments in [
        &["--size", "0"][..],
        &["--size", "lots"],
        &["--cache", "0"],
        &["--threads", "0"],
        &["--seconds", "0"],
        &["--operations", "0"],
        &["--files", "0"],
        &["--kill", "0"],
        &["--kill", "1", "--dir", "/nowhere/at/all"],
        &["--seed", "-1"],
        &["--lock", "mutex"],
        &["--lock"],
        &["--nonsense"],
        &["stray"],
    ] {
        let (output, temp) = run(arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.starts_with("exercise: "), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        // A heading with the seed may come before a folder turns out to be missing.
        assert!(text(&output.stdout).lines().count() < 2, "{arguments:?}");
        assert_eq!(files_in(&temp), 0);
    }
}

#[test]
fn a_path_that_cannot_be_written_ends_with_2_and_one_line() {
    let temp = TempDir::new().expect("a temp folder");
    let missing = temp.path().join("missing").join("file");
    for path in [&missing, temp.path()] {
        let path = path.to_str().expect("a temp folder whose name is text");
        let (output, _) = run(&["--file", path]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(path), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert_eq!(files_in(&temp), 0);
}

#[test]
fn a_missing_temp_folder_ends_with_2() {
    let temp = TempDir::new().expect("a temp folder");
    let mut command = command(&temp, &[]);
    let output = command.env("TMPDIR", temp.path().join("missing")).output().expect("it runs");
    // On other systems the temp folder has another name.
    if cfg!(unix) {
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr).lines().count(), 1);
    }
}

#[test]
fn help_names_every_argument() {
    let (output, _) = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    for argument in [
        "--file",
        "--size",
        "--cache",
        "--threads",
        "--seconds",
        "--operations",
        "--files",
        "--faults",
        "--differential",
        "--inject",
        "--kill",
        "--dir",
        "--log",
        "--seed",
        "--lock",
        "--direct",
        "--json",
    ] {
        assert!(text(&output.stdout).contains(argument), "{argument}");
    }
}

/// Kills a run of `arguments` as soon as it is at work.
fn kill_half_way(arguments: &[&str]) -> TempDir {
    let temp = TempDir::new().expect("a temp folder");
    let mut command = command(&temp, arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("the exerciser starts");
    let mut heading = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("its stdout is piped"));
    stdout.read_line(&mut heading).expect("it writes a heading once it has a file");
    assert!(heading.starts_with("seed "), "{heading}");
    child.kill().expect("it is still at work");
    child.wait().expect("it is gone");
    temp
}

#[test]
fn killed_half_way_it_leaves_no_file() {
    assert_eq!(files_in(&kill_half_way(&["--seconds", "600", "--size", "8M"])), 0);
}

#[test]
fn killed_half_way_it_leaves_the_file_that_it_was_given() {
    let folder = TempDir::new().expect("a temp folder");
    let file = folder.path().join("named");
    let name = file.to_str().expect("a temp folder whose name is text");
    let temp = kill_half_way(&["--seconds", "600", "--size", "8M", "--file", name]);
    assert_eq!(files_in(&temp), 0);
    assert_eq!(files_in(&folder), 1);
    assert!(file.is_file());
}

#[test]
fn a_file_given_by_name_is_kept_and_its_old_contents_are_not_seen() {
    let folder = TempDir::new().expect("a temp folder");
    let file = folder.path().join("named");
    fs::write(&file, vec![0xee; 1 << 20]).expect("an older file");
    let name = file.to_str().expect("a temp folder whose name is text");
    let small = ["--size", "2M", "--cache", "256K", "--operations", "3000"];
    let (output, _) = run(&[&["--file", name], &small[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(fs::metadata(&file).is_ok_and(|file| (1 << 20..=2 << 20).contains(&file.len())));
}

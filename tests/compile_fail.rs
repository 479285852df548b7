//! Programs that must not compile: other crates can neither implement sealed traits nor call their
//! methods.
//!
//! A line that must fail ends with `//~` and the code of the error. Only line and code are compared,
//! since the wording changes between compilers.

#![cfg(not(any(spanlock_loom, spanlock_shuttle)))]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Where the compiling process finds the programs. It is a separate process because trybuild is told by
/// the environment to write down the compiler's output.
const FOLDER: &str = "SPANLOCK_COMPILE_FAIL_IN";

/// The lines of a program that must fail, each with the code of the error.
fn refused(program: &Path) -> BTreeSet<(usize, String)> {
    let text = fs::read_to_string(program).expect("a program");
    let marked = |(number, line): (usize, &str)| {
        line.split_once("//~ ").map(|(_, code)| (number + 1, code.to_owned()))
    };
    text.lines().enumerate().filter_map(marked).collect()
}

/// The compiler's errors in a program, in the same form.
fn errors(stderr: &Path) -> BTreeSet<(usize, String)> {
    let text = fs::read_to_string(stderr).expect("what the compiler said");
    let mut errors = BTreeSet::new();
    let mut code = None;
    for line in text.lines() {
        if let Some((before, _)) = line.strip_prefix("error[").and_then(|rest| rest.split_once(']'))
        {
            code = Some(before.to_owned());
        } else if let Some((_, place)) = line.split_once("--> ")
            && let Some(code) = code.take()
        {
            // `path:line:column`.
            let number = place.rsplit(':').nth(1).expect("a line");
            errors.insert((number.parse().expect("a number"), code));
        }
    }
    errors
}

fn programs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

#[test]
fn programs_that_implement_or_call_what_is_sealed_do_not_compile() {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let _ = fs::remove_dir_all(&copies);
    fs::create_dir_all(&copies).expect("a folder for the copies");
    for program in programs(Path::new("tests/compile_fail")) {
        fs::copy(&program, copies.join(program.file_name().expect("a file"))).expect("a copy");
    }
    let copied = programs(&copies);
    let compiled = Command::new(env::current_exe().expect("this test"))
        .args(["--exact", "compiler", "--ignored", "--nocapture"])
        .env("TRYBUILD", "overwrite")
        .env(FOLDER, &copies)
        .output()
        .expect("the process that compiles");
    let output = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success() && !copied.is_empty(), "{output}");
    for program in copied {
        let found = errors(&program.with_extension("stderr"));
        assert!(!found.is_empty(), "{output}");
        assert_eq!(found, refused(&program), "{}:\n{output}", program.display());
    }
}

/// Compiles the programs. Fails if one of them compiles.
#[test]
#[ignore = "run by the test above"]
fn compiler() {
    if let Some(folder) = env::var_os(FOLDER) {
        trybuild::TestCases::new().compile_fail(Path::new(&folder).join("*.rs"));
    }
}

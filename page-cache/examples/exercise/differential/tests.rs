use std::sync::Arc;

use spanlock_page_cache::{MemStore, Store};

use super::{Contestant, Replay, compare, original};
use crate::options::{Command, Extent, Invocation, Options};
use crate::subject::model_file::{Flaw, Plain};

fn options(arguments: &[&str]) -> Options {
    match Invocation::parse(lexopt::Parser::from_args(arguments)).map(|parsed| parsed.command) {
        Ok(Command::Compare(options)) => options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn cached_files_over_every_store_agree_with_a_plain_file() {
    let arguments =
        ["--differential", "--size=1M", "--cache=128K", "--operations=6000", "--seed=1"];
    let comparison = compare(&options(&arguments)).unwrap();
    assert!(comparison.difference.is_none(), "{comparison}");
    print!("{comparison}");
}

#[test]
fn a_cached_file_over_direct_io_agrees_with_a_plain_file() {
    let arguments = [
        "--differential",
        "--size=1M",
        "--cache=128K",
        "--operations=1000",
        "--seed=2",
        "--direct",
    ];
    match compare(&options(&arguments)) {
        Ok(comparison) => assert!(comparison.difference.is_none(), "{comparison}"),
        // Not every file system has it.
        Err(error) => println!("skipped: {error}"),
    }
}

#[test]
fn whatever_is_wrong_with_a_file_is_a_difference() {
    for flaw in Flaw::SEEN {
        if flaw == Flaw::ExtensionKeeps {
            // Only who scribbles past the end could tell.
            continue;
        }
        let options = options(&["--differential", "--size=1M", "--seed=3"]);
        let file = Plain::new(options.size, flaw);
        let beneath = file.clone();
        let flawed = Contestant::new("flawed", file, move |bytes, offset| {
            crate::subject::Subject::read_at(&beneath, bytes, offset)
        });
        let mut replay = Replay::new(vec![original(&options).unwrap(), flawed], &options);
        let difference = replay.run(Extent::Operations(100_000)).unwrap();
        assert!(difference.is_some(), "{flaw:?}");
    }
}

#[test]
fn bytes_that_differ_in_the_end_are_a_difference() {
    let options = options(&["--differential", "--size=1M", "--seed=3"]);
    let store = Arc::new(MemStore::new());
    store.set_len(options.size).unwrap();
    let file = Plain::new(options.size, Flaw::None);
    let silent = Contestant::new("silent", file, move |bytes, offset| store.read_at(bytes, offset));
    let mut replay = Replay::new(vec![original(&options).unwrap(), silent], &options);
    let difference = replay.run(Extent::Operations(100)).unwrap().expect("a difference");
    assert!(difference.what.starts_with("byte "), "{}", difference.what);
}

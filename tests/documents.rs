//! Whether the tests, the files and the code that the documents name exist.

#![cfg(not(spanlock_loom))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// With this many underscores a name is a sentence, as those of tests are.
const UNDERSCORES: usize = 4;

/// The Markdown documents and the Rust sources of the repository.
#[derive(Default)]
struct Texts {
    documents: Vec<(PathBuf, String)>,
    sources: String,
    /// The paths of the sources.
    files: Vec<PathBuf>,
}

impl Texts {
    fn collect(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && !matches!(name, "target" | "corpus" | "artifacts") {
                    self.collect(&path);
                }
                continue;
            }
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("md") => self.documents.push((path.clone(), read(&path))),
                Some("rs") => {
                    self.sources += &read(&path);
                    self.files.push(path);
                }
                _ => {}
            }
        }
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a document or a source is text")
}

/// The identifiers of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

/// The identifiers of a document that are in backticks.
fn names(document: &str) -> impl Iterator<Item = &str> {
    document.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).flat_map(words)
}

fn texts() -> Texts {
    let mut texts = Texts::default();
    texts.collect(Path::new(env!("CARGO_MANIFEST_DIR")));
    texts
}

#[test]
fn each_test_that_a_document_names_exists() {
    let Texts { documents, sources, .. } = texts();
    let functions: BTreeSet<&str> =
        sources.split("fn ").filter_map(|rest| words(rest).next()).collect();
    let (mut count, mut absent) = (0, Vec::new());
    for (path, document) in &documents {
        let tests = names(document).filter(|name| name.matches('_').count() >= UNDERSCORES);
        for name in tests {
            count += 1;
            if !functions.contains(name) {
                absent.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(absent.is_empty(), "not in the sources: {absent:#?}");
    assert!(count > 40, "only {count} names were found");
}

#[test]
fn each_source_that_a_document_names_exists() {
    let Texts { documents, files, .. } = texts();
    let (mut count, mut absent) = (0, Vec::new());
    for (path, document) in &documents {
        let in_backticks = document.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let is_source = |name: &&str| name.ends_with(".rs") && !name.contains([' ', '*']);
        for name in in_backticks.filter(is_source) {
            count += 1;
            if !files.iter().any(|file| file.ends_with(name)) {
                absent.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(absent.is_empty(), "no such file: {absent:#?}");
    assert!(count > 40, "only {count} names were found");
}

/// `behaviours.md` names what was removed from the code: functions, types and fields.
#[test]
fn the_code_that_the_list_of_behaviours_names_exists() {
    let Texts { documents, sources, .. } = texts();
    let known: BTreeSet<&str> = words(&sources).collect();
    let lists = documents.iter().filter(|(path, _)| path.ends_with("behaviours.md"));
    let absent: Vec<&str> = lists
        .flat_map(|(_, document)| names(document))
        .filter(|name| !name.is_empty() && !known.contains(name))
        .collect();
    assert!(absent.is_empty(), "not in the sources: {absent:#?}");
}

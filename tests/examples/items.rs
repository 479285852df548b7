//! Finds public items that have no example, by reading the sources. Items that rustdoc hides need none.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules have their examples at the top of their files.
const ITEMS: [&str; 8] = ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];

fn is_public_item(line: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some("pub") && words.next().is_some_and(|word| ITEMS.contains(&word))
}

/// Everything but what only tests and the gallery's builds include.
fn sources_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the sources are there");
    entries
        .flat_map(|entry| {
            let path = entry.expect("the sources can be listed").path();
            match path.file_name().and_then(|name| name.to_str()) {
                Some("gallery" | "gallery.rs" | "trace.rs" | "reference.rs") => Vec::new(),
                _ if path.is_dir() => sources_in(&path),
                _ => vec![path],
            }
        })
        .collect()
}

/// How many public items the sources have, and those among them that are without an example.
pub fn count(sources: &Path, out_of_reach: &[&str]) -> (usize, Vec<String>) {
    let (mut items, mut without) = (0, Vec::new());
    for path in sources_in(sources) {
        let source = fs::read_to_string(&path).expect("a source is text");
        let mut has_example = false;
        for line in source.lines().map(str::trim) {
            if line.starts_with("///") {
                has_example |= line.contains("```");
            } else if line == "#[doc(hidden)]" {
                has_example = true;
            } else if is_public_item(line) && !out_of_reach.contains(&line) {
                items += 1;
                if !has_example {
                    without.push(format!("{}: {line}", path.display()));
                }
            }
            // The text of an item ends where the next one's may begin.
            has_example &= !line.is_empty() && !line.starts_with(['}', '{']);
        }
    }
    (items, without)
}

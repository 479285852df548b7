//! Whether the imports are as the picture of the modules in `docs/design.md` shows them: each
//! module imports from its own row and from the rows below.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that are no part of a build without tests: the reference, tests and models.
const LEFT_OUT: [&str; 3] = ["reference.rs", "tests", "models"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        match path.is_dir() {
            _ if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) => {}
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// The names that follow each `before`: one, or those in braces.
fn names_after<'a>(source: &'a str, before: &str) -> Vec<&'a str> {
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut names = Vec::new();
    for rest in source.split(before).skip(1) {
        let list = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().expect("a part"),
            None => &rest[..rest.find(|letter| !is_name(letter)).unwrap_or(rest.len())],
        };
        names.extend(list.split(',').map(str::trim).filter(|name| !name.is_empty()));
    }
    names
}

#[test]
fn each_module_imports_from_its_own_row_of_the_picture_and_from_those_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let design = fs::read_to_string(root.join("docs/design.md")).expect("the design document");
    let picture = design.split("```modules\n").nth(1).expect("a picture of the modules");
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for (row, line) in picture.lines().take_while(|line| *line != "```").enumerate() {
        rows.extend(line.split_whitespace().map(|module| (module, row)));
    }

    let lib = fs::read_to_string(root.join("src/lib.rs")).expect("the crate's root");
    let mut exports: BTreeMap<&str, &str> = BTreeMap::new();
    for module in rows.keys() {
        let names = names_after(&lib, &format!("pub use {module}::"));
        exports.extend(names.into_iter().map(|name| (name, *module)));
    }

    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut imports = 0;
    for file in files {
        let inside = file.strip_prefix(root.join("src")).expect("a source");
        let module = inside.iter().next().expect("a name").to_string_lossy().replace(".rs", "");
        if module == "lib" {
            continue;
        }
        let row = rows.get(&module[..]).unwrap_or_else(|| panic!("{module} is not in the picture"));
        let source = fs::read_to_string(&file).expect("text");
        let code: String = source.lines().filter(|line| !line.trim().starts_with("//")).collect();
        for name in names_after(&code, "crate::") {
            let name = name.split("::").next().expect("a part");
            let from = exports.get(name).copied().unwrap_or(name);
            let Some(imported) = rows.get(from) else { continue };
            assert!(row <= imported, "{} imports {name} from {from}, above it", inside.display());
            imports += 1;
        }
    }
    assert!(imports > 50, "only {imports} imports were found");
}

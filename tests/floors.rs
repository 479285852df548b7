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

/// The rows of a picture in the design document: of each module, the number of its row.
fn rows<'a>(design: &'a str, picture: &str) -> BTreeMap<&'a str, usize> {
    let start = format!("```{picture}\n");
    let picture = design.split(&start[..]).nth(1).expect("a picture of the modules");
    let lines = picture.lines().take_while(|line| *line != "```").enumerate();
    lines.flat_map(|(row, line)| line.split_whitespace().map(move |name| (name, row))).collect()
}

/// Checks the imports of the files in `folder`, each of which begins with `prefix` and a module or
/// one of `exports`. Returns how many there are.
fn check(
    folder: &Path,
    rows: &BTreeMap<&str, usize>,
    prefix: &str,
    exports: &BTreeMap<&str, &str>,
) -> usize {
    let mut files = Vec::new();
    sources(folder, &mut files);
    let mut imports = 0;
    for file in files {
        let inside = file.strip_prefix(folder).expect("a source");
        let module = inside.iter().next().expect("a name").to_string_lossy().replace(".rs", "");
        if module == "lib" {
            continue;
        }
        let row = rows.get(&module[..]).unwrap_or_else(|| panic!("{module} is not in the picture"));
        let source = fs::read_to_string(&file).expect("text");
        let code: String = source.lines().filter(|line| !line.trim().starts_with("//")).collect();
        for name in names_after(&code, prefix) {
            let name = name.split("::").next().expect("a part");
            let from = exports.get(name).copied().unwrap_or(name);
            let Some(imported) = rows.get(from) else { continue };
            assert!(row <= imported, "{} imports {name} from {from}, above it", inside.display());
            imports += 1;
        }
    }
    imports
}

#[test]
fn each_module_imports_from_its_own_row_of_the_picture_and_from_those_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let design = fs::read_to_string(root.join("docs/design.md")).expect("the design document");

    let modules = rows(&design, "modules");
    let lib = fs::read_to_string(root.join("src/lib.rs")).expect("the crate's root");
    let mut exports: BTreeMap<&str, &str> = BTreeMap::new();
    for module in modules.keys() {
        let names = names_after(&lib, &format!("pub use {module}::"));
        exports.extend(names.into_iter().map(|name| (name, *module)));
    }
    let imports = check(&root.join("src"), &modules, "crate::", &exports);
    assert!(imports > 50, "only {imports} imports were found");

    let modules = rows(&design, "modules of raw");
    let imports = check(&root.join("src/raw"), &modules, "crate::raw::", &BTreeMap::new());
    assert!(imports > 50, "only {imports} imports were found inside raw");
}

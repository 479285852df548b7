//! Whether the imports agree with the rows of modules in `docs/design.md`: each module imports only from the rows below
//! its own, and no files import each other in a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Modules that only tests and the gallery's builds include. They may import from all rows.
const ON_TOP: [&str; 4] = ["gallery", "schedules", "observed", "tests"];

/// A module's path within the crate: of `pages/frame/wait.rs`, `["pages", "frame", "wait"]`.
type Module = Vec<String>;

struct Sources {
    /// The source of each module; that of the crate's root has an empty path.
    sources: BTreeMap<Module, String>,
    /// Where the names are from that the crate's root exports.
    exports: BTreeMap<String, Module>,
}

impl Sources {
    fn read() -> Sources {
        let mut sources = BTreeMap::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        collect(&folder, &Vec::new(), &mut sources);
        let root = sources.remove(&vec!["lib".to_owned()]).expect("the crate has a root");
        let exported = imports(&root).into_iter().filter_map(|mut path| {
            let name = path.pop()?;
            Some((name, path))
        });
        Sources { exports: exported.collect(), sources }
    }

    /// The modules that a module imports from.
    fn imported(&self, module: &Module) -> BTreeSet<Module> {
        let found = imports(&self.sources[module]).into_iter();
        found.filter_map(|path| self.resolve(module, &path)).filter(|to| to != module).collect()
    }

    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let supers = path.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match path[0].as_str() {
            "crate" => (&module[..0], &path[1..]),
            "self" => (&module[..], &path[1..]),
            "super" => (&module[..module.len() - supers], &path[supers..]),
            // A child, or another crate.
            _ => (&module[..], path),
        };
        let mut full = [base, rest].concat();
        if base.is_empty()
            && let Some(from) = rest.first().and_then(|name| self.exports.get(name))
        {
            full = from.clone();
        }
        let is_child = path[0] != "crate" && path[0] != "super";
        while !full.is_empty() && !self.sources.contains_key(&full) {
            full.pop();
        }
        let is_elsewhere = !(is_child && full == *module);
        (is_elsewhere && !full.is_empty()).then_some(full)
    }
}

fn collect(folder: &Path, module: &Module, sources: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources can be listed").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        if ON_TOP.contains(&name.as_str()) {
            continue;
        }
        let inner = [module.as_slice(), &[name]].concat();
        if path.is_dir() {
            collect(&path, &inner, sources);
        } else {
            sources.insert(inner, fs::read_to_string(&path).expect("a source is text"));
        }
    }
}

/// What the `use` lines of a source name, each path by its parts. Those for rustdoc or tests alone do not count.
fn imports(source: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut lines = source.lines().map(str::trim);
    let mut before = "";
    while let Some(line) = lines.next() {
        let is_code = !matches!(before, "#[cfg(doc)]" | "#[cfg(test)]");
        before = line;
        let unscoped = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) "));
        let unscoped = unscoped.or(line.strip_prefix("pub ")).unwrap_or(line);
        let Some(tree) = unscoped.strip_prefix("use ") else { continue };
        let mut tree = tree.to_owned();
        while !tree.ends_with(';') {
            tree += lines.next().expect("a `use` ends");
        }
        if is_code {
            expand("", tree.trim_end_matches(';'), &mut found);
        }
    }
    found
}

fn expand(prefix: &str, tree: &str, found: &mut Vec<Module>) {
    let Some((path, group)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree);
        found.push(
            format!("{prefix}{name}").split("::").map(|part| part.trim().to_owned()).collect(),
        );
        return;
    };
    let group = group.trim_end().strip_suffix('}').expect("a group is closed");
    let (mut depth, mut from) = (0, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = group[from..at].trim();
                if !part.is_empty() {
                    expand(&format!("{prefix}{path}"), part, found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// The modules of each row in the design document, from the top.
fn rows() -> Vec<Vec<String>> {
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md");
    let design = fs::read_to_string(design).expect("the design document is text");
    let rows = design.split("```floors\n").nth(1).expect("the rows of modules");
    let rows = rows.split("```").next().expect("their end");
    rows.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn each_module_imports_only_from_the_floors_below_it() {
    let (sources, rows) = (Sources::read(), rows());
    let row = |module: &str| rows.iter().position(|row| row.iter().any(|name| name == module));
    let modules: BTreeSet<&str> = sources.sources.keys().map(|module| module[0].as_str()).collect();
    let listed: BTreeSet<&str> = rows.iter().flatten().map(String::as_str).collect();
    assert_eq!(modules, listed, "the modules of src/, and those in the rows");
    let mut upwards = Vec::new();
    for module in sources.sources.keys() {
        for to in sources.imported(module) {
            if to[0] != module[0] && row(&to[0]) <= row(&module[0]) {
                upwards.push(format!("{} imports {}", module.join("/"), to.join("/")));
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn no_files_import_each_other_in_a_cycle() {
    let sources = Sources::read();
    // A file and its folder count as one unit, except for folders whose file only lists their modules.
    let unit = |module: &Module| -> Module {
        let lists = ["pages", "files", "writeback", "operations"].contains(&module[0].as_str());
        module.iter().take(if lists { 2 } else { 1 }).cloned().collect()
    };
    let mut imported: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for module in sources.sources.keys() {
        let to =
            sources.imported(module).iter().map(unit).filter(|to| *to != unit(module)).collect();
        imported.entry(unit(module)).or_default().extend::<BTreeSet<Module>>(to);
    }
    // Units that import no other unit are removed, until none is left, or only those of a cycle.
    loop {
        let left: BTreeSet<Module> = imported.keys().cloned().collect();
        imported.retain(|_, to| to.iter().any(|to| left.contains(to)));
        if imported.len() == left.len() {
            break;
        }
    }
    let cycle: Vec<String> = imported.keys().map(|module| module.join("/")).collect();
    assert!(cycle.is_empty(), "these import each other: {cycle:#?}");
}

#[test]
fn imports_are_read_with_their_groups_and_not_for_rustdoc_alone() {
    let source =
        "#[cfg(doc)]\nuse crate::a::B;\npub(crate) use crate::c::{D,\n    e::{F, G as H}};\n";
    let read: Vec<String> = imports(source).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(read, ["crate::c::D", "crate::c::e::F", "crate::c::e::G"]);
}

//! Whether the imports are as the picture of the house in `docs/design.md` has them: each room imports from the floors
//! below its own only, and within a room no files import each other in a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What only tests and the gallery's builds include. It stands on top of all floors.
const ON_TOP: [&str; 4] = ["gallery", "schedules", "observed", "tests"];

/// A module's path within the crate: of `pages/frame/wait.rs`, `["pages", "frame", "wait"]`.
type Module = Vec<String>;

struct House {
    /// The source of each module; that of the crate's root has an empty path.
    sources: BTreeMap<Module, String>,
    /// Where the names are from that the crate's root exports.
    exports: BTreeMap<String, Module>,
}

impl House {
    fn read() -> House {
        let mut sources = BTreeMap::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        collect(&folder, &Vec::new(), &mut sources);
        let root = sources.remove(&vec!["lib".to_owned()]).expect("the crate has a root");
        let exported = imports(&root).into_iter().filter_map(|mut path| {
            let name = path.pop()?;
            Some((name, path))
        });
        House { exports: exported.collect(), sources }
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

/// The rooms of each floor, from the top, as the picture has them.
fn picture() -> Vec<Vec<String>> {
    let design = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/design.md");
    let design = fs::read_to_string(design).expect("the design document is text");
    let picture = design.split("```floors\n").nth(1).expect("a picture of the house");
    let picture = picture.split("```").next().expect("its end");
    picture.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn each_module_imports_only_from_the_floors_below_it() {
    let (house, picture) = (House::read(), picture());
    let floor = |room: &str| picture.iter().position(|rooms| rooms.iter().any(|name| name == room));
    let rooms: BTreeSet<&str> = house.sources.keys().map(|module| module[0].as_str()).collect();
    let drawn: BTreeSet<&str> = picture.iter().flatten().map(String::as_str).collect();
    assert_eq!(rooms, drawn, "the rooms of src/, and those of the picture");
    let mut upwards = Vec::new();
    for module in house.sources.keys() {
        for to in house.imported(module) {
            if to[0] != module[0] && floor(&to[0]) <= floor(&module[0]) {
                upwards.push(format!("{} imports {}", module.join("/"), to.join("/")));
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn no_files_import_each_other_in_a_cycle() {
    let house = House::read();
    // A file and its folder are one thing, but for folders whose file only lists what is in them.
    let thing = |module: &Module| -> Module {
        let lists = ["pages", "files", "writeback", "operations"].contains(&module[0].as_str());
        module.iter().take(if lists { 2 } else { 1 }).cloned().collect()
    };
    let mut imported: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for module in house.sources.keys() {
        let to =
            house.imported(module).iter().map(thing).filter(|to| *to != thing(module)).collect();
        imported.entry(thing(module)).or_default().extend::<BTreeSet<Module>>(to);
    }
    // Whatever imports nothing that is left is taken away, until nothing is left, or a cycle.
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

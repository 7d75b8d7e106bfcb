//! No import cycles between the files and folders of any module.
//!
//! At every level, the direct children of a module (files and folders) form a graph: an edge means
//! that a file below one child imports from the other, directly or through a re-export of their
//! parent. A parent may use its children and they may use items that it defines itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::{check, files};

/// The path of a module from the root of the crate: `["store", "trading"]`.
type ModulePath = Vec<String>;
/// For each parent, the children that each child imports from.
type Graphs = BTreeMap<ModulePath, BTreeMap<String, BTreeSet<String>>>;

struct Module {
    path: ModulePath,
    /// Absolute paths of everything that it imports or names.
    imports: Vec<Vec<String>>,
    /// Names that it re-exports, and the child that they come from.
    exports: BTreeMap<String, String>,
}

fn modules() -> Vec<Module> {
    let sources = files(&["src"]);
    let sources = sources.iter().filter(|file| file.extension() == "rs");
    let module = |file: &crate::File| {
        let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        let path: ModulePath = path.split('/').map(str::to_owned).collect();
        let code = without_comments(file.program());
        let uses = use_paths(&code);
        let exports = uses
            .iter()
            .filter(|(is_public, path)| *is_public && path.len() > 1)
            .map(|(_, path)| (path[path.len() - 1].clone(), path[0].clone()))
            .collect();
        let mut imports: Vec<Vec<String>> = uses.into_iter().map(|(_, path)| path).collect();
        imports.extend(inline_paths(&code));
        let imports = imports.into_iter().filter_map(|import| absolute(&path, import)).collect();
        Module { path, imports, exports }
    };
    let is_module = |module: &Module| !["main", "lib"].contains(&module.path[0].as_str());
    sources.map(module).filter(is_module).collect()
}

fn without_comments(text: &str) -> String {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

/// Each path of each `use`, with lists in braces expanded, and whether it is public.
fn use_paths(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut paths = Vec::new();
    for line_start in std::iter::once(0).chain(code.match_indices('\n').map(|(at, _)| at + 1)) {
        let line = code[line_start..].trim_start();
        let (is_public, rest) = match line.strip_prefix("pub ").map(|rest| (true, rest)) {
            Some(public) => public,
            None => (line.starts_with("pub("), line),
        };
        let rest = rest.split_once("use ").filter(|(before, _)| before.len() < 12);
        let Some((before, rest)) = rest else { continue };
        if !before.is_empty() && !before.starts_with("pub(") {
            continue;
        }
        let Some((tree, _)) = rest.split_once(';') else { continue };
        expand(tree, &[], &mut |path| paths.push((is_public, path)));
    }
    paths
}

/// Expands `a::{b, c::d}` to `a::b` and `a::c::d`.
fn expand(tree: &str, prefix: &[String], add: &mut impl FnMut(Vec<String>)) {
    let tree = tree.trim();
    let join = |names: &str| -> Vec<String> {
        let names = names.split("::").map(|name| name.split(" as ").next().unwrap().trim());
        let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
        prefix.iter().cloned().chain(names).collect()
    };
    let Some((before, rest)) = tree.split_once('{') else { return add(join(tree)) };
    let prefix = join(before);
    let (mut depth, mut start) = (0, 0);
    let list = &rest[..rest.rfind('}').expect("a list ends")];
    for (position, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let item = list[start..position].trim();
                if !item.is_empty() {
                    expand(item, &prefix, add);
                }
                start = position + 1;
            }
            _ => {}
        }
    }
}

/// Paths such as `super::views::trades(…)` outside of `use`.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = code.split(|c: char| !is_path(c));
    let paths = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    let names = |path: &str| -> Vec<String> {
        path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    paths.map(names).collect()
}

/// The import from the root of the crate; `None` for other crates and for a module's own children.
fn absolute(module: &[String], import: Vec<String>) -> Option<Vec<String>> {
    let climbs = import.iter().take_while(|name| *name == "super").count();
    match import.first()?.as_str() {
        "crate" => Some(import[1..].to_vec()),
        "super" => {
            let parent = &module[..module.len().checked_sub(climbs)?];
            Some(parent.iter().chain(&import[climbs..]).cloned().collect())
        }
        _ => None,
    }
}

fn graphs(modules: &[Module]) -> Graphs {
    let known: BTreeMap<&[String], &Module> =
        modules.iter().map(|module| (module.path.as_slice(), module)).collect();
    let is_module = |path: &[String]| {
        known.contains_key(path) || known.keys().any(|other| other.starts_with(path))
    };
    let mut graphs = Graphs::new();
    for module in modules {
        for import in &module.imports {
            let pairs = module.path.iter().zip(import);
            let shared = pairs.take_while(|(own, other)| own == other).count();
            let (Some(from), Some(name)) = (module.path.get(shared), import.get(shared)) else {
                continue;
            };
            let parent = import[..shared].to_vec();
            let target = if is_module(&import[..=shared]) {
                Some(name)
            } else {
                // An item of the parent: its own, or re-exported from a child.
                known.get(parent.as_slice()).and_then(|parent| parent.exports.get(name))
            };
            if let Some(target) = target.filter(|target| *target != from) {
                let graph = graphs.entry(parent).or_default();
                graph.entry(from.clone()).or_default().insert(target.clone());
            }
        }
    }
    graphs
}

/// A cycle that starts and ends at `start`.
fn cycle(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut paths = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while let Some(path) = paths.pop() {
        for next in graph.get(path.last()?).into_iter().flatten() {
            let longer: Vec<String> = path.iter().cloned().chain([next.clone()]).collect();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                paths.push(longer);
            }
        }
    }
    None
}

#[test]
fn no_module_has_import_cycles() {
    let modules = modules();
    assert!(modules.len() > 80, "{}", modules.len());
    let graphs = graphs(&modules);
    assert!(graphs.len() > 8, "{graphs:?}");
    let mut violations = Vec::new();
    for (parent, graph) in &graphs {
        let cycles = graph.keys().filter_map(|child| cycle(graph, child));
        violations
            .extend(cycles.map(|cycle| format!("src/{}: {}", parent.join("/"), cycle.join(" → "))));
    }
    check("import cycles", &violations);
}

#[test]
fn cycles_are_found_through_lists_climbs_and_re_exports() {
    let module = |path: &str, uses: &str| {
        let path: ModulePath = path.split('/').map(str::to_owned).collect();
        let uses = use_paths(uses);
        let exports = uses.iter().filter(|(is_public, _)| *is_public);
        let exports =
            exports.map(|(_, path)| (path[path.len() - 1].clone(), path[0].clone())).collect();
        let imports = uses.into_iter().filter_map(|(_, import)| absolute(&path, import)).collect();
        Module { path, imports, exports }
    };
    let found = |modules: &[Module]| {
        let graphs = graphs(modules);
        let cycles = graphs.values().flat_map(|graph| {
            graph.keys().filter_map(|child| cycle(graph, child)).collect::<Vec<_>>()
        });
        cycles.count() > 0
    };
    let parent = || module("a", "pub use one::{One};\n");
    for (one, two, expected) in [
        ("use super::two::Two;", "use crate::a::{one::One, other};", true),
        ("use super::two::Two;", "use super::One;", true),
        ("use super::{\n    two::{self, Two},\n};", "use crate::a::one;", true),
        ("use super::two::Two;", "use super::Own;", false),
        ("use std::two::Two;", "use super::One;", false),
    ] {
        let modules = [parent(), module("a/one", one), module("a/two", two)];
        assert_eq!(found(&modules), expected, "{one} {two}");
    }
}

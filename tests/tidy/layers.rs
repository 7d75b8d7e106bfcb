//! Layers: which module may import which, and where packages may be used.

use std::collections::BTreeSet;

use crate::{check, files};

/// The modules of the crate that a module may import. `app`, `cli` and `main` may import all.
const MAY_IMPORT: [(&str, &[&str]); 18] = [
    ("market", &[]),
    ("deadline", &[]),
    ("client_address", &[]),
    ("outage", &[]),
    ("request_id", &[]),
    ("pusher", &[]),
    ("events", &["market"]),
    ("store", &["deadline", "events", "market", "outage"]),
    ("config", &["events", "market", "store"]),
    ("telemetry", &["config", "outage"]),
    ("auth", &["deadline", "events", "market", "outage", "store"]),
    ("engine", &["deadline", "events", "market", "outage", "request_id", "store"]),
    ("demo", &["auth", "engine", "market", "outage", "store"]),
    ("market_data", &["events", "market", "outage", "store"]),
    ("provider", &["client_address", "pusher"]),
    ("publisher", &["config", "outage", "pusher", "store"]),
    ("webhooks", &["events", "outage", "store"]),
    (
        "http",
        &[
            "auth",
            "client_address",
            "config",
            "deadline",
            "demo",
            "engine",
            "events",
            "market",
            "outage",
            "provider",
            "pusher",
            "request_id",
            "store",
            "telemetry",
            "webhooks",
        ],
    ),
];

/// Packages that only some modules may use, by the beginning of their names.
const PACKAGES: [(&str, &[&str]); 9] = [
    ("diesel", &["src/store/"]),
    ("reqwest", &["src/pusher/", "src/webhooks/", "src/cli/demo_traffic/"]),
    ("tokio_tungstenite", &["src/cli/demo_traffic/"]),
    ("actix", &["src/http/", "src/app/", "src/provider/", "src/cli/", "src/client_address.rs"]),
    ("toml", &["src/config/"]),
    ("rust_decimal", &["src/market/"]),
    ("clap", &["src/cli/"]),
    ("indicatif", &["src/cli/"]),
    ("mysql", &["src/store/laravel/"]),
];

/// The words that follow `path` in this text, including each one of a list in braces.
fn named_after(text: &str, path: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = BTreeSet::new();
    for (position, _) in text.match_indices(path) {
        if text[..position].ends_with(is_word) || text[..position].ends_with("::") {
            continue;
        }
        let rest = &text[position + path.len()..];
        let list = match rest.strip_prefix('{') {
            Some(list) => &list[..list.find('}').unwrap_or(list.len())],
            None => rest.split(|c: char| !is_word(c)).next().unwrap_or(""),
        };
        let first_words = list.split(',').map(|item| item.trim().split("::").next().unwrap_or(""));
        names.extend(first_words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    names
}

#[test]
fn modules_import_only_the_layers_below() {
    let mut violations = Vec::new();
    let mut modules = BTreeSet::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        let path = file.path.strip_prefix("src/").unwrap();
        let module = path.split(['/', '.']).next().unwrap();
        modules.insert(module.to_owned());
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == module) else {
            assert!(
                ["app", "cli", "main", "lib"].contains(&module),
                "{module} is not in the table"
            );
            continue;
        };
        for name in named_after(&file.text, "crate::") {
            if name != module && !allowed.contains(&name.as_str()) {
                violations.push(format!("{}: {module} must not import {name}", file.path));
            }
        }
        // No path reaches the crate root by `super`, past this check.
        let depth = path.trim_end_matches("/mod.rs").split('/').count();
        if file.text.contains(&"super::".repeat(depth + 1)) {
            violations.push(format!("{}: climbs out of the crate", file.path));
        }
        let climbs = named_after(file.program(), &"super::".repeat(depth));
        for name in climbs.iter().filter(|name| MAY_IMPORT.iter().any(|(module, _)| module == name))
        {
            violations.push(format!("{}: names {name} by climbing", file.path));
        }
    }
    let listed: BTreeSet<String> =
        MAY_IMPORT.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert!(listed.is_subset(&modules), "{listed:?} {modules:?}");
    check("layers", &violations);
}

#[test]
fn packages_are_used_only_in_their_modules() {
    let mut violations = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        for (package, modules) in PACKAGES {
            let named = |line: &str| {
                let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let comment = line.trim_start().starts_with("//");
                let mut starts = words.filter(|word| word.starts_with(package));
                !comment && starts.any(|word| line.contains(&format!("{word}::")))
            };
            let at_home = modules.iter().any(|module| file.path.starts_with(module));
            if !at_home && file.program().lines().any(named) {
                violations.push(format!("{}: names {package}", file.path));
            }
        }
        let pure = file.path.starts_with("src/market/");
        for package in ["tokio", "serde", "chrono", "tracing", "rand", "parking_lot", "metrics"] {
            if pure && file.text.contains(&format!("{package}::")) {
                violations
                    .push(format!("{}: market is pure and must not use {package}", file.path));
            }
        }
    }
    check("packages", &violations);
}

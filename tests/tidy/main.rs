//! The rules of docs/STYLE.md and docs/ARCHITECTURE.md that a program can check: which module may
//! import which, the length of files and lines, and that documents, defaults, migrations and the
//! oldest Rust match the code.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

mod api_changes;
mod cycles;
mod documents;
mod files;
mod layers;
mod migrations;
mod rust_version;

use std::path::{Path, PathBuf};

/// Folders with source files of the project.
const FOLDERS: [&str; 9] =
    ["src", "tests", "benches", "migrations", "config", "scripts", "frontend", "docs", "clients"];
/// Third-party, generated and binary files.
const IGNORED: [&str; 6] =
    ["node_modules", "dist", "fixtures", "package-lock.json", "target", "__pycache__"];
const CODE: [&str; 13] =
    ["rs", "sql", "toml", "sh", "js", "mjs", "ts", "vue", "css", "html", "py", "yml", "cjs"];

struct File {
    /// Relative to the root of the repository, with slashes.
    path: String,
    text: String,
}

impl File {
    fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    fn is_code(&self) -> bool {
        CODE.contains(&self.extension())
    }

    /// The text without the unit tests at its end.
    fn program(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests").unwrap_or(self.text.len());
        &self.text[..end]
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file under these folders.
fn files(folders: &[&str]) -> Vec<File> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if IGNORED.contains(&name.as_str()) || !path.exists() {
            continue;
        }
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(File { path, text });
        }
    }
    assert!(!found.is_empty(), "{folders:?}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Fails with all violations at once.
fn check(rule: &str, violations: &[String]) {
    assert!(violations.is_empty(), "{rule}:\n{}", violations.join("\n"));
}

//! Puts the built dashboard into the binary: a table of the files in frontend/dist, with content
//! types and entity tags, for src/http/routes/dashboard.rs. Without a built dashboard the table is
//! empty, so that cargo alone is enough to build and test everything else.

use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

const DIST: &str = "frontend/dist";
/// Files in here carry a hash of their contents in their names.
const HASHED: &str = "/assets/";

fn main() -> io::Result<()> {
    // The directory is part of the checkout: cargo would run this on every build for a missing
    // path.
    println!("cargo:rerun-if-changed={DIST}");
    println!("cargo:rerun-if-changed=build.rs");
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let dist = root.join(DIST);
    let mut files = Vec::new();
    collect(&dist, &mut files)?;
    let mut rows = files
        .iter()
        .filter_map(|file| {
            let relative = file.strip_prefix(&dist).ok()?.to_str()?.replace('\\', "/");
            Some((format!("/{relative}"), file))
        })
        .collect::<Vec<_>>();
    // Sorted: the table is searched by halves.
    rows.sort();

    let mut table = String::from("pub static FILES: &[File] = &[\n");
    for (path, file) in rows {
        let (kind, tag) = (content_type(file), entity_tag(&fs::read(file)?));
        let is_hashed = path.starts_with(HASHED);
        writeln!(
            table,
            "    File {{ path: {path:?}, content_type: {kind:?}, entity_tag: {tag:?}, \
             is_hashed: {is_hashed}, bytes: include_bytes!({file:?}) }},"
        )
        .expect("a String takes everything");
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("dashboard.rs"), table)
}

/// All files below, without those whose names begin with a full stop.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Weak, because the same file also travels compressed.
fn entity_tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

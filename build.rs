//! Tells the program which source code it was built from, for the entity tags of responses.
//!
//! Embeds the built dashboard in the binary: generates a table of the files in frontend/dist with
//! their content types and entity tags, for src/http/routes/dashboard.rs. If the dashboard was not
//! built, the table is empty, so that cargo alone can build and test everything else.

use std::fmt::Write;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

const DIST: &str = "frontend/dist";
const SOURCES: &str = "src";
/// File names in this directory contain a hash of the content.
const HASHED: &str = "/assets/";

fn main() -> io::Result<()> {
    // The directory is in the repository even if it is empty: if it were missing, cargo would run
    // this script on every build.
    println!("cargo:rerun-if-changed={DIST}");
    println!("cargo:rerun-if-changed={SOURCES}");
    println!("cargo:rerun-if-changed=build.rs");
    let root =
        PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets this variable"));
    println!("cargo:rustc-env=MATCHCAST_BUILD={:016x}", build_number(&root.join(SOURCES))?);
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
    // Sorted for the binary search at run time.
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
        .expect("writing to a String cannot fail");
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets this variable"));
    fs::write(out.join("dashboard.rs"), table)
}

/// A hash of the source code.
fn build_number(sources: &Path) -> io::Result<u64> {
    let mut files = Vec::new();
    collect(sources, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(file)?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

/// Collects all files below the directory, except for hidden ones.
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

/// A weak tag, because the same file is also served compressed.
fn entity_tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

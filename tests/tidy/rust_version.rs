//! The oldest Rust that builds matchcast: `rust-version` in Cargo.toml.

use std::process::Command;

use serde_json::Value;

use crate::{check, read, root};

/// Major and minor.
fn parse(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().expect(text));
    (parts.next().unwrap(), parts.next().unwrap_or(0))
}

fn required() -> &'static str {
    env!("CARGO_PKG_RUST_VERSION")
}

#[test]
fn the_readme_names_the_oldest_rust() {
    let readme = read("README.md");
    assert!(readme.contains(&format!("# Rust {} or newer", required())), "{}", required());
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A new version of a package may need a newer Rust, which a build with a current one hides.
#[test]
fn no_package_needs_a_newer_rust() {
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["--format-version", "1", "--locked", "--offline", "--filter-platform", host];
    let metadata = cargo(&[&["metadata"], &arguments[..]].concat());
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    // `packages` also lists those of other platforms.
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let used: Vec<&Value> = nodes.iter().map(|node| &node["id"]).collect();
    let packages = metadata["packages"].as_array().unwrap();
    let mut violations = Vec::new();
    for package in packages.iter().filter(|package| used.contains(&&package["id"])) {
        let Some(needed) = package["rust_version"].as_str() else { continue };
        if parse(needed) > parse(required()) {
            violations.push(format!("{} {} needs {needed}", package["name"], package["version"]));
        }
    }
    assert!(used.len() > 100, "{}", used.len());
    check(&format!("packages that need a newer Rust than {}", required()), &violations);
}

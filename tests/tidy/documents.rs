//! Documents and defaults: every module and every setting is described.

use crate::{check, files, read};

#[test]
fn the_architecture_names_every_module() {
    let document = read("docs/ARCHITECTURE.md");
    let mut violations = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        // Modules and their direct children.
        let name = path.rsplit('/').next().unwrap();
        let named = ["main", "lib"].contains(&path)
            || path.split('/').count() > 2
            || document.contains(&format!("`{name}`"));
        if !named {
            violations.push(format!("{}: `{name}` is not in docs/ARCHITECTURE.md", file.path));
        }
    }
    check("docs/ARCHITECTURE.md", &violations);
}

#[test]
fn each_setting_has_its_comment() {
    let mut violations = Vec::new();
    let mut commented = false;
    let mut keys = 0;
    for line in read("config/default.toml").lines() {
        if line.starts_with('#') {
            commented = true;
        } else if line.is_empty() || line.starts_with('[') {
            // One comment may stand above several keys, but not above a section.
            commented = false;
        } else {
            keys += 1;
            if !commented {
                violations.push(line.to_owned());
            }
        }
    }
    assert!(keys > 40, "{keys}");
    check("settings without a comment", &violations);
}

#[test]
fn the_readme_shows_the_example_of_the_nginx_snippet() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("<!-- nginx:begin -->\n```nginx\n").unwrap();
    let (shown, _) = rest.split_once("```\n<!-- nginx:end -->").unwrap();
    // The example is indented in the comment at the head of the snippet.
    let snippet = read("docs/nginx/relative-api.conf");
    let example: Vec<&str> =
        snippet.lines().filter_map(|line| line.strip_prefix("#     ")).collect();
    assert!(example.len() > 8, "{example:?}");
    assert_eq!(shown.lines().collect::<Vec<_>>(), example);
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines < 200, "{lines} lines");
}

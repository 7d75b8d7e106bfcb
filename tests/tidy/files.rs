//! Files: their length, their first line, and words that must not be left in them.

use crate::{FOLDERS, check, files};

const MAX_LINES: usize = 400;
const MAX_MEDIAN_LINES: usize = 150;
const MAX_COLUMNS: usize = 100;

/// Private words of the past, each with the standard term that replaces it.
const REPLACED_WORDS: [(&str, &str); 13] = [
    ("clerk", "outbox worker"),
    ("errand", "request"),
    ("suspicion", "ambiguous refusal"),
    ("complaint", "reported failure"),
    ("set aside", "dead letter"),
    ("set_aside", "dead letter"),
    ("in vain", "failed attempt"),
    ("in_vain", "failed attempt"),
    ("doomed", "to close"),
    ("weather", "fault injection"),
    ("unheard", "unoccupied"),
    ("is away", "is unavailable"),
    ("whoever", "a noun"),
];

/// Files that have to name these words: this list, the style guide, and a test of old table names.
const NAME_REPLACED_WORDS: [&str; 3] =
    ["tests/tidy/", "docs/STYLE.md", "tests/store/standard_names.rs"];

#[test]
fn files_and_lines_are_short() {
    let mut violations = Vec::new();
    for file in files(&FOLDERS).iter().filter(|file| file.is_code()) {
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            violations.push(format!("{}: {lines} lines", file.path));
        }
        for (number, line) in (1..).zip(file.text.lines()) {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS {
                violations.push(format!("{}:{number}: {columns} columns", file.path));
            }
        }
    }
    check("at most 400 lines of 100 columns", &violations);
}

#[test]
fn every_file_starts_with_its_purpose() {
    let rust = files(&["src", "tests", "benches"]);
    let missing =
        rust.iter().filter(|file| file.extension() == "rs" && !file.text.starts_with("//!"));
    let missing: Vec<String> = missing.map(|file| file.path.clone()).collect();
    check("files that do not begin with //!", &missing);
}

#[test]
fn no_unfinished_work_is_left() {
    // Written so that this file does not contain them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|half| half.concat());
    let calls = [["db", "g!("], ["tod", "o!("], ["unimplement", "ed!("], ["#[igno", "re"]];
    let calls = calls.map(|half| half.concat());
    let mut violations = Vec::new();
    for file in files(&FOLDERS).iter().filter(|file| file.is_code()) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let mut parts = line.split(|c: char| !c.is_ascii_alphanumeric());
            let word = parts.any(|part| words.iter().any(|word| word == part));
            if word || calls.iter().any(|call| line.contains(call)) {
                violations.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check("unfinished work", &violations);
}

#[test]
fn the_program_never_unwraps() {
    let mut violations = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        for (number, line) in (1..).zip(file.program().lines()) {
            if line.contains(".unwrap()") {
                violations.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check("use expect() and say why it cannot fail", &violations);
}

#[test]
fn half_of_the_source_files_are_short() {
    let sources = files(&["src"]);
    let sources = sources.iter().filter(|file| file.extension() == "rs");
    let mut lengths: Vec<usize> = sources.map(|file| file.text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MAX_MEDIAN_LINES, "the median source file has {median} lines");
}

#[test]
fn standard_terms_replace_private_words() {
    let mut violations = Vec::new();
    for file in files(&["src", "docs", "config", "frontend/src", "scripts", "benches", "tests"]) {
        if NAME_REPLACED_WORDS.iter().any(|path| file.path.starts_with(path)) {
            continue;
        }
        for (number, line) in (1..).zip(file.text.lines()) {
            let lower = line.to_lowercase();
            for (word, term) in REPLACED_WORDS {
                let is_word = |position: usize| {
                    let before = lower[..position].chars().next_back();
                    let after = lower[position + word.len()..].trim_start_matches('s');
                    !before.is_some_and(char::is_alphanumeric)
                        && !after.starts_with(char::is_alphanumeric)
                };
                if lower.match_indices(word).any(|(position, _)| is_word(position)) {
                    let path = &file.path;
                    violations.push(format!("{path}:{number}: {word:?}, use {term:?}"));
                }
            }
        }
    }
    check("vocabulary", &violations);
}

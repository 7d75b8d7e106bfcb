//! How things are written, as far as a program can see it: who may know whom, how long things are,
//! and that documents, defaults and migrations name what there is.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking, its helpers too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;
const MAX_COLUMNS: usize = 100;

/// Folders that hold what people write. Those that do not exist yet are skipped.
const FOLDERS: [&str; 8] =
    ["src", "tests", "benches", "migrations", "config", "scripts", "frontend", "docs"];
/// What others have made, or programs.
const NOT_OURS: [&str; 6] =
    ["node_modules", "dist", "fixtures", "package-lock.json", "target", "__pycache__"];
const CODE: [&str; 13] =
    ["rs", "sql", "toml", "sh", "js", "mjs", "ts", "vue", "css", "html", "py", "yml", "cjs"];

struct File {
    /// With slashes, from the root of the repository.
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

    /// Without the unit tests at its end.
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
        if NOT_OURS.contains(&name.as_str()) || !path.exists() {
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

/// Fails with all complaints at once.
fn check(what: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{what}:\n{}", complaints.join("\n"));
}

/// Which modules of the crate a module may name. `app`, `cli` and `main` see everything.
const MAY_KNOW: [(&str, &[&str]); 12] = [
    ("market", &[]),
    ("pusher", &[]),
    ("events", &["market"]),
    ("store", &["events", "market"]),
    ("config", &["events", "market", "store"]),
    ("telemetry", &["config"]),
    ("auth", &["market", "store"]),
    ("engine", &["events", "market", "store"]),
    ("market_data", &["events", "market", "store"]),
    ("provider", &["pusher"]),
    ("publisher", &["config", "pusher", "store"]),
    ("http", &["auth", "config", "engine", "events", "market", "provider", "pusher", "store"]),
];

/// Packages that only some modules may know, by the beginning of their names.
const PACKAGES: [(&str, &[&str]); 6] = [
    ("diesel", &["src/store/"]),
    ("reqwest", &["src/pusher/"]),
    ("actix", &["src/http/", "src/app/", "src/provider/", "src/cli/"]),
    ("toml", &["src/config/"]),
    ("rust_decimal", &["src/market/"]),
    ("clap", &["src/cli/"]),
];

/// The words that follow `path::` in this text, each one of a list in braces.
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
fn no_room_knows_more_than_it_may() {
    let mut complaints = Vec::new();
    let mut rooms = BTreeSet::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        let path = file.path.strip_prefix("src/").unwrap();
        let room = path.split(['/', '.']).next().unwrap();
        rooms.insert(room.to_owned());
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(known, _)| *known == room) else {
            assert!(["app", "cli", "main", "lib"].contains(&room), "{room} is not in the table");
            continue;
        };
        for name in named_after(&file.text, "crate::") {
            if name != room && !allowed.contains(&name.as_str()) {
                complaints.push(format!("{}: {room} must not know {name}", file.path));
            }
        }
        // Nobody reaches the root by climbing, past this check.
        let depth = path.trim_end_matches("/mod.rs").split('/').count();
        if file.text.contains(&"super::".repeat(depth + 1)) {
            complaints.push(format!("{}: climbs out of the crate", file.path));
        }
        let climbs = named_after(file.program(), &"super::".repeat(depth));
        for name in climbs.iter().filter(|name| MAY_KNOW.iter().any(|(room, _)| room == name)) {
            complaints.push(format!("{}: names {name} by climbing", file.path));
        }
    }
    let listed: BTreeSet<String> = MAY_KNOW.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert!(listed.is_subset(&rooms), "{listed:?} {rooms:?}");
    check("the layers", &complaints);
}

#[test]
fn packages_stay_in_their_rooms() {
    let mut complaints = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        for (package, rooms) in PACKAGES {
            let named = |line: &str| {
                let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let comment = line.trim_start().starts_with("//");
                let mut starts = words.filter(|word| word.starts_with(package));
                !comment && starts.any(|word| line.contains(&format!("{word}::")))
            };
            let at_home = rooms.iter().any(|room| file.path.starts_with(room));
            if !at_home && file.program().lines().any(named) {
                complaints.push(format!("{}: names {package}", file.path));
            }
        }
        let pure = file.path.starts_with("src/market/");
        for package in ["tokio", "serde", "chrono", "tracing", "rand", "parking_lot", "metrics"] {
            if pure && file.text.contains(&format!("{package}::")) {
                complaints.push(format!("{}: the rules are pure, without {package}", file.path));
            }
        }
    }
    check("packages", &complaints);
}

#[test]
fn files_and_lines_are_short() {
    let mut complaints = Vec::new();
    for file in files(&FOLDERS).iter().filter(|file| file.is_code()) {
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            complaints.push(format!("{}: {lines} lines", file.path));
        }
        for (number, line) in (1..).zip(file.text.lines()) {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS {
                complaints.push(format!("{}:{number}: {columns} columns", file.path));
            }
        }
    }
    check("at most 400 lines of 100 columns", &complaints);
}

#[test]
fn each_file_says_what_it_is_for() {
    let rust = files(&["src", "tests", "benches"]);
    let silent =
        rust.iter().filter(|file| file.extension() == "rs" && !file.text.starts_with("//!"));
    let silent: Vec<String> = silent.map(|file| file.path.clone()).collect();
    check("files that do not begin with //!", &silent);
}

#[test]
fn nothing_is_left_lying_about() {
    // Written so that this file does not contain them.
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"]].map(|half| half.concat());
    let calls = [["db", "g!("], ["tod", "o!("], ["unimplement", "ed!("], ["#[igno", "re"]];
    let calls = calls.map(|half| half.concat());
    let mut complaints = Vec::new();
    for file in files(&FOLDERS).iter().filter(|file| file.is_code()) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let mut parts = line.split(|c: char| !c.is_ascii_alphanumeric());
            let word = parts.any(|part| words.iter().any(|word| word == part));
            if word || calls.iter().any(|call| line.contains(call)) {
                complaints.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check("what must not stay", &complaints);
}

#[test]
fn the_program_never_unwraps() {
    let mut complaints = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        for (number, line) in (1..).zip(file.program().lines()) {
            if line.contains(".unwrap()") {
                complaints.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check("expect() says why it cannot happen", &complaints);
}

#[test]
fn the_architecture_names_every_room() {
    let document = read("docs/ARCHITECTURE.md");
    let mut complaints = Vec::new();
    for file in files(&["src"]).iter().filter(|file| file.extension() == "rs") {
        let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        // Rooms, and what is in them; what is deeper is their own affair.
        let name = path.rsplit('/').next().unwrap();
        let named = ["main", "lib"].contains(&path)
            || path.split('/').count() > 2
            || document.contains(&format!("`{name}`"));
        if !named {
            complaints.push(format!("{}: `{name}` is not in docs/ARCHITECTURE.md", file.path));
        }
    }
    check("docs/ARCHITECTURE.md", &complaints);
}

#[test]
fn each_setting_has_its_comment() {
    let mut complaints = Vec::new();
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
                complaints.push(line.to_owned());
            }
        }
    }
    assert!(keys > 40, "{keys}");
    check("settings without a comment", &complaints);
}

type Tables = BTreeMap<String, Vec<String>>;

/// Applies what a migration creates, adds and renames.
fn apply_migration(tables: &mut Tables, sql: &str) {
    let code = |line: &str| line.split("--").next().unwrap_or("").trim().to_owned();
    let mut current = None;
    for line in sql.lines().map(code) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            current = Some(rest.trim_end_matches('(').trim().to_owned());
        } else if line.starts_with(')') {
            current = None;
        } else if let Some(rest) = line.strip_prefix("ALTER TABLE ") {
            alter_table(tables, rest.trim_end_matches(';'));
        } else if let Some(table) = &current {
            let word = line.split_whitespace().next().unwrap_or("").to_owned();
            if word.starts_with(|c: char| c.is_ascii_lowercase()) {
                tables.entry(table.clone()).or_default().push(word);
            }
        }
    }
}

fn alter_table(tables: &mut Tables, statement: &str) {
    if let Some((table, column)) = statement.split_once(" ADD COLUMN ") {
        let column = column.split_whitespace().next().unwrap_or("").to_owned();
        tables.entry(table.to_owned()).or_default().push(column);
    } else if let Some((table, columns)) = statement.split_once(" RENAME COLUMN ") {
        let (old, new) = columns.split_once(" TO ").expect("RENAME COLUMN old TO new");
        for column in tables.get_mut(table).expect(table).iter_mut().filter(|name| *name == old) {
            new.clone_into(column);
        }
    } else if let Some((table, new)) = statement.split_once(" RENAME TO ") {
        let columns = tables.remove(table).expect(table);
        tables.insert(new.to_owned(), columns);
    }
}

/// The statements of a migration that both databases must share.
fn shared_statements(sql: &str) -> BTreeSet<String> {
    let is_shared = |line: &&str| {
        line.starts_with("DROP TABLE")
            || (line.starts_with("ALTER TABLE")
                && [" DROP COLUMN ", " RENAME COLUMN ", " RENAME TO "]
                    .iter()
                    .any(|change| line.contains(change)))
    };
    sql.lines().filter(is_shared).map(str::to_owned).collect()
}

/// The tables and columns that Diesel's schema names.
fn tables_of_schema() -> Tables {
    let mut tables = Tables::new();
    let mut current = String::new();
    for line in read("src/store/schema.rs").lines() {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            current = name.trim().to_owned();
        } else if line.starts_with("diesel::joinable!") {
            // Says nothing of columns.
        } else if let Some((column, _)) = line.split_once(" -> ") {
            tables.entry(current.clone()).or_default().push(column.trim().to_owned());
        }
    }
    tables
}

#[test]
fn migrations_are_twins() {
    let of = |database: &str| -> BTreeMap<String, String> {
        let folder = format!("migrations/{database}/");
        let files = files(&[folder.trim_end_matches('/')]).into_iter();
        files.map(|file| (file.path.replace(&folder, ""), file.text)).collect()
    };
    let (postgres, sqlite) = (of("postgres"), of("sqlite"));
    assert_eq!(postgres.keys().collect::<Vec<_>>(), sqlite.keys().collect::<Vec<_>>());
    let (mut all, mut twin) = (Tables::new(), Tables::new());
    for (name, sql) in &postgres {
        if name.ends_with("up.sql") {
            apply_migration(&mut all, sql);
            apply_migration(&mut twin, &sqlite[name]);
            assert_eq!(all, twin, "{name}");
        }
        assert_eq!(shared_statements(sql), shared_statements(&sqlite[name]), "{name}");
    }
    assert!(all.len() > 10, "{all:?}");
    assert_eq!(all, tables_of_schema(), "src/store/schema.rs");
}

//! The files and the environment that a process reads.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use crate::SENTINEL;

/// Runs the binary in an empty folder with these files and variables.
fn run(files: &BTreeMap<&str, String>, variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_matchcast"));
    command.arg("migrate").current_dir(folder.path()).env_clear();
    let output = command.envs(variables.iter().copied()).output().unwrap();
    let exists = |name: &str| folder.path().join(name).exists();
    for name in ["from-file", "from-dotenv", "from-environment"] {
        let is_expected = String::from_utf8_lossy(&output.stdout).contains("migrations applied")
            && variables.iter().any(|(key, value)| *key == "EXPECTED" && *value == name);
        assert_eq!(exists(name), is_expected, "{name}: {output:?}");
    }
    output
}

#[test]
fn the_process_reads_its_files_and_environment() {
    let file = "[database]\nurl = \"sqlite://from-file\"".to_owned();
    let dotenv = "DATABASE_URL=sqlite://from-dotenv".to_owned();
    let mut files = BTreeMap::from([("config/local.toml", file)]);
    assert!(run(&files, &[("EXPECTED", "from-file")]).status.success());
    files.insert(".env", dotenv);
    assert!(run(&files, &[("EXPECTED", "from-dotenv")]).status.success());
    let variables =
        [("DATABASE_URL", "sqlite://from-environment"), ("EXPECTED", "from-environment")];
    assert!(run(&files, &variables).status.success());

    for (name, text) in [
        (".env", format!("PUSHER_APP_SECRET='{SENTINEL}\nX Y Z {SENTINEL}")),
        (".env", format!("PUSHER_APP_SECRET={SENTINEL} {SENTINEL}")),
        ("config/local.toml", format!("[pusher]\nsecret = \"{SENTINEL}")),
    ] {
        let output = run(&BTreeMap::from([(name, text)]), &[]);
        let printed = format!("{output:?}");
        assert!(!output.status.success() && printed.contains(name), "{printed}");
        assert!(!printed.contains(SENTINEL), "{printed}");
    }
}

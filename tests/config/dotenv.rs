//! `.env` as the process reads it. The rules of the format are tested where they are implemented.

use std::process::Command;

use crate::SENTINEL;

/// Creates the database that this `.env` names, and returns the names of the files next to it.
pub fn migrate(dotenv: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), dotenv).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_matchcast"));
    command.arg("migrate").current_dir(folder.path()).env_clear();
    let output = command.output().unwrap();
    let names = std::fs::read_dir(folder.path()).unwrap();
    let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
    (format!("{output:?}"), names.collect())
}

#[test]
fn a_dollar_sign_in_a_value_is_literal() {
    let (output, files) = migrate("X=y\nDATABASE_URL=sqlite://ab$X${X}$\n");
    assert!(files.contains(&"ab$Xy$".to_owned()), "{files:?} {output}");
}

#[test]
fn an_unreadable_line_is_named_without_its_value() {
    for (dotenv, expected) in [
        (
            format!("\nPUSHER_APP_SECRET='{SENTINEL}"),
            ".env cannot be read: line 2, PUSHER_APP_SECRET",
        ),
        (
            format!("PUSHER_APP_SECRET={SENTINEL} x"),
            ".env cannot be read: line 1, PUSHER_APP_SECRET",
        ),
        (format!("X Y {SENTINEL}"), ".env cannot be read: line 1: each line must be NAME=value"),
    ] {
        let (output, _) = migrate(&dotenv);
        assert!(output.contains(expected) && !output.contains(SENTINEL), "{output}");
    }
}

//! Writes each measurement as a line of JSON, from which benches/report makes docs/BENCHMARKS.md,
//! and prints it.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::environment;

/// The measurements of one part of a run.
pub struct Recorder {
    file: File,
}

impl Recorder {
    /// Replaces the measurements of an earlier run of this part. BENCH_DIR is the folder.
    pub fn create(part: &str) -> Self {
        let folder = std::env::var_os("BENCH_DIR").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/var/bench")),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).expect("the folder for measurements");
        let path = folder.join(format!("{part}.jsonl"));
        let mut recorder = Self { file: File::create(path).expect("a file for measurements") };
        recorder.write(&json!({ "environment": environment::read() }));
        recorder
    }

    /// Adds a measurement. `parameters` is an object of what distinguishes it from others with the
    /// same name, such as the database and the number of clients.
    pub fn record(&mut self, name: &str, parameters: Value, repetition: u32, value: f64) {
        let Value::Object(parameters) = parameters else { panic!("{name}: parameters are named") };
        println!("{name:<28} {:<62} value={value:.3}", text(&parameters));
        let mut line = json!({ "name": name, "repetition": repetition, "value": value });
        line["parameters"] = Value::Object(parameters);
        self.write(&line);
    }

    fn write(&mut self, line: &Value) {
        writeln!(self.file, "{line}").expect("the disk has space");
    }
}

/// `database=postgres clients=16`
fn text(parameters: &Map<String, Value>) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    pairs.join(" ")
}

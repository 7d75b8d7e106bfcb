//! How long and how often to measure, from the environment.

use std::time::Duration;

const DEFAULT_MS: u64 = 3_000;
const SHORT_MS: u64 = 300;

/// The options of a run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The length of each measurement that has no fixed amount of work.
    pub duration: Duration,
    /// How often each measurement is repeated. Peers alternate within a repetition.
    pub repetitions: u32,
    /// Whether the run only shows that everything works: its figures mean nothing.
    pub is_short: bool,
}

impl Options {
    /// SECONDS_EACH, REPETITIONS, and BENCH=short, which reduces the defaults and the sizes.
    pub fn from_env() -> Self {
        let is_short = std::env::var("BENCH").is_ok_and(|text| text == "short");
        let (ms, repetitions) = if is_short { (SHORT_MS, 1) } else { (DEFAULT_MS, 3) };
        let repetitions = number("REPETITIONS", repetitions).max(1);
        let duration = match number("SECONDS_EACH", 0) {
            0 => Duration::from_millis(ms),
            seconds => Duration::from_secs(seconds),
        };
        Self {
            duration,
            repetitions: u32::try_from(repetitions).expect("a small number"),
            is_short,
        }
    }

    /// The size to use: the full one, or a small one in a short run.
    #[allow(dead_code, reason = "not every benchmark has sizes")]
    pub fn size<T>(self, full: T, short: T) -> T {
        if self.is_short { short } else { full }
    }
}

/// The number in an environment variable.
pub fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).unwrap_or_default();
    if text.is_empty() {
        return default;
    }
    text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}"))
}

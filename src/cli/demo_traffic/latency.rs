//! Latencies, and what they were at most for a share of them.

use serde::Serialize;

/// In microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<i64>);

/// In milliseconds. Null: there was none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub count: usize,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
}

impl Latencies {
    pub fn add(&mut self, micros: i64) {
        self.0.push(micros);
    }

    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub fn summary(&self) -> Summary {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = |per_cent| percentile(&sorted, per_cent).map(|micros| micros as f64 / 1e3);
        Summary {
            count: sorted.len(),
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            max_ms: at(100),
        }
    }
}

/// The smallest number that is not exceeded by this share of the sorted numbers.
fn percentile(sorted: &[i64], per_cent: usize) -> Option<i64> {
    let rank = (sorted.len() * per_cent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_that_occurred() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.summary().max_ms, None);
        for number in (1..=200).rev() {
            latencies.add(number * 1_000);
        }
        let summary = latencies.summary();
        assert_eq!(summary.count, 200);
        assert_eq!((summary.p50_ms, summary.p95_ms), (Some(100.0), Some(190.0)));
        assert_eq!((summary.p99_ms, summary.max_ms), (Some(198.0), Some(200.0)));
    }
}

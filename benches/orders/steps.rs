//! Where the time of the engine's batches goes, from its metrics.

use std::collections::BTreeMap;

use matchcast::telemetry;
use metrics_exporter_prometheus::PrometheusHandle;

/// In the text of the metrics: the time of all batches so far that a step took, in seconds.
const SUM: &str = "matchcast_engine_step_seconds_sum{";

/// The metrics of this process.
pub struct StepMetrics(PrometheusHandle);

impl StepMetrics {
    /// Once per process.
    pub fn start() -> Self {
        Self(telemetry::start_metrics().expect("nothing else has started the metrics"))
    }

    /// The time of each step in seconds, over all batches so far.
    pub fn seconds(&self) -> BTreeMap<String, f64> {
        let text = self.0.render();
        let mut seconds = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(SUM)) {
            let (labels, value) = line.split_once("} ").expect("labels and a value");
            let (_, step) = labels.split_once("step=\"").expect("a step");
            let step = step.split('"').next().unwrap_or(step);
            let value: f64 = value.parse().expect("a number");
            *seconds.entry(step.to_owned()).or_insert(0.0) += value;
        }
        seconds
    }

    /// What was added to each step since then.
    pub fn since(&self, before: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let mut seconds = self.seconds();
        for (step, value) in &mut seconds {
            *value -= before.get(step).copied().unwrap_or_default();
        }
        seconds
    }
}

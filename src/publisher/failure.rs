//! Failures of the provider in the log: each once, with its response and the likely cause.

use super::delivery::ProviderState;
use crate::outage::Outage;
use crate::pusher::Diagnosis;

static UNAVAILABLE: Outage = Outage::warning(
    "provider",
    "the provider is unavailable; events are kept",
    "the provider is available again",
);

/// The refusal that was reported last, and the one that waits for a diagnosis.
#[derive(Debug, Default)]
pub struct FailureMonitor {
    /// The same refusal is not reported again until the provider has accepted events.
    reported: Option<Refusal>,
    /// A refusal whose cause is not known yet.
    unexplained: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refusal {
    status: u16,
    message: String,
}

impl FailureMonitor {
    /// Reports a change of the provider's state. A refusal is reported after the next diagnosis.
    pub fn observe(&mut self, state: ProviderState) {
        match state {
            ProviderState::Accepting => {
                UNAVAILABLE.recovered();
                if self.reported.take().is_some() {
                    tracing::info!("the provider accepts events again");
                }
            }
            ProviderState::Unavailable { reason } => UNAVAILABLE.failed(&reason),
            ProviderState::Refusing { status, message } => {
                let refusal = Refusal { status, message };
                if self.reported.as_ref() != Some(&refusal) {
                    self.unexplained = Some(refusal);
                }
            }
        }
    }

    /// Whether a refusal waits for a diagnosis.
    pub fn needs_diagnosis(&self) -> bool {
        self.unexplained.is_some()
    }

    /// Reports the refusal that waits for a diagnosis, and then the states that the diagnosis has
    /// led to.
    pub fn explain(&mut self, diagnosis: &Result<(), Diagnosis>, states: Vec<ProviderState>) {
        let cause = match diagnosis {
            Ok(()) => "the provider accepts other requests with these credentials".to_owned(),
            Err(diagnosis) => diagnosis.to_string(),
        };
        self.report_unexplained(&cause);
        for state in states {
            self.observe(state);
            self.report_unexplained(&cause);
        }
    }

    fn report_unexplained(&mut self, cause: &str) {
        let Some(refusal) = self.unexplained.take() else { return };
        if self.reported.as_ref() == Some(&refusal) {
            return;
        }
        tracing::error!(
            status = refusal.status,
            // `message` is the name of the log line itself.
            response = refusal.message,
            likely_cause = cause,
            "the provider refuses requests; events are kept"
        );
        self.reported = Some(refusal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusing(status: u16) -> ProviderState {
        ProviderState::Refusing { status, message: "no".to_owned() }
    }

    fn reported(status: u16) -> Option<Refusal> {
        Some(Refusal { status, message: "no".to_owned() })
    }

    #[test]
    fn a_refusal_is_reported_once_after_a_diagnosis() {
        let mut monitor = FailureMonitor::default();
        monitor.observe(refusing(401));
        assert_eq!((monitor.needs_diagnosis(), monitor.reported.clone()), (true, None));
        monitor.explain(&Ok(()), Vec::new());
        assert_eq!((monitor.needs_diagnosis(), monitor.reported.clone()), (false, reported(401)));
        monitor.observe(refusing(401));
        assert!(!monitor.needs_diagnosis(), "it was reported");
        monitor.observe(refusing(403));
        assert!(monitor.needs_diagnosis(), "another one");
    }

    #[test]
    fn a_refusal_that_a_diagnosis_has_found_needs_no_other_diagnosis() {
        let mut monitor = FailureMonitor::default();
        let diagnosis = Err(Diagnosis::Quota { message: "no".to_owned() });
        monitor.explain(&diagnosis, vec![refusing(400)]);
        assert_eq!((monitor.needs_diagnosis(), monitor.reported.clone()), (false, reported(400)));
    }

    #[test]
    fn a_refusal_is_reported_again_after_a_recovery() {
        let mut monitor = FailureMonitor::default();
        for _ in 0..2 {
            monitor.observe(refusing(401));
            assert!(monitor.needs_diagnosis());
            monitor.explain(&Ok(()), Vec::new());
            assert_eq!(monitor.reported, reported(401));
            monitor.observe(ProviderState::Accepting);
            assert_eq!(monitor.reported, None);
        }
    }
}

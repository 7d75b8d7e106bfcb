//! Failures of the provider in the log: each once, with its response and the likely cause.

use super::delivery::ProviderState;
use crate::pusher::Diagnosis;

/// The failure that was reported last, and the one that waits for a diagnosis.
#[derive(Debug, Default)]
pub struct FailureMonitor {
    reported: Option<ReportedFailure>,
    /// A refusal whose cause is not known yet.
    unexplained: Option<Refusal>,
}

/// A failure as the log has it. The same failure is not reported twice in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ReportedFailure {
    Unavailable,
    Refusing(Refusal),
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
                if self.reported.take().is_some() {
                    tracing::info!("the provider accepts events again");
                }
            }
            ProviderState::Unavailable { reason } => {
                self.report(ReportedFailure::Unavailable, &reason);
            }
            ProviderState::Refusing { status, message } => {
                let refusal = Refusal { status, message };
                if self.reported != Some(ReportedFailure::Refusing(refusal.clone())) {
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
        if let Some(refusal) = self.unexplained.take() {
            self.report(ReportedFailure::Refusing(refusal), cause);
        }
    }

    fn report(&mut self, failure: ReportedFailure, cause: &str) {
        if self.reported.as_ref() == Some(&failure) {
            return;
        }
        match &failure {
            ReportedFailure::Unavailable => {
                tracing::warn!(cause, "the provider is unavailable; events are kept");
            }
            ReportedFailure::Refusing(Refusal { status, message }) => tracing::error!(
                status,
                // `message` is the name of the log line itself.
                response = message,
                likely_cause = cause,
                "the provider refuses requests; events are kept"
            ),
        }
        self.reported = Some(failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> ProviderState {
        ProviderState::Unavailable { reason: "503".to_owned() }
    }

    fn refusing(status: u16) -> ProviderState {
        ProviderState::Refusing { status, message: "no".to_owned() }
    }

    fn reported(status: u16) -> Option<ReportedFailure> {
        Some(ReportedFailure::Refusing(Refusal { status, message: "no".to_owned() }))
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
    fn a_failure_is_reported_again_after_a_recovery() {
        let mut monitor = FailureMonitor::default();
        monitor.observe(unavailable());
        assert_eq!(monitor.reported, Some(ReportedFailure::Unavailable));
        monitor.observe(ProviderState::Accepting);
        assert_eq!(monitor.reported, None);
        monitor.observe(unavailable());
        assert_eq!(monitor.reported, Some(ReportedFailure::Unavailable));
    }
}

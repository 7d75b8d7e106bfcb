//! Whose fault a refusal is, and what the log says about it: once, with the provider's words and
//! the likely cause.

use std::time::Instant;

use futures_util::future::{FusedFuture, FutureExt};
use rand::Rng;

use super::delivery::circuit_breaker::{Gate, Ticket};
use super::{Publisher, Question, Sink};
use crate::pusher::Diagnosis;

/// Events that were refused (400, 404), and nobody knows yet whether it is because of them.
pub struct Suspicion {
    pub lane: usize,
    pub len: usize,
    pub ticket: Ticket,
    pub status: u16,
    pub answer: String,
    /// How many calls had been accepted when they were refused for the first time.
    pub accepted_before: u64,
}

/// What was said last about a provider that does not take events, so that it is said once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    Unreachable,
    Refuses { status: u16, answer: String },
}

impl Publisher {
    /// Asks the provider whether it accepts our requests at all, when somebody wants to know.
    pub(super) fn next_question(&self, under_way: &Question) -> Option<Question> {
        let is_wanted = !self.suspicions.is_empty() || self.unexplained.is_some();
        match &self.sink {
            Sink::Provider(client) if is_wanted && under_way.is_terminated() => {
                let client = client.clone();
                Some(async move { client.diagnose().await }.boxed().fuse())
            }
            _ => None,
        }
    }

    /// The provider has answered the question.
    pub(super) fn answered(&mut self, answer: Result<(), Diagnosis>) {
        let suspicions = std::mem::take(&mut self.suspicions);
        if let Some((status, words)) = self.unexplained.take() {
            let cause = answer.as_ref().err().map(ToString::to_string);
            let cause = cause.unwrap_or_else(|| "it accepts other requests of ours".to_owned());
            self.complain(Complaint::Refuses { status, answer: words }, &cause);
        }
        for suspicion in suspicions {
            let Suspicion { lane, len, ticket, status, answer: words, accepted_before } = suspicion;
            let place = &mut self.lanes[lane];
            match &answer {
                Ok(()) => {
                    self.circuit.answered(ticket);
                    place.lane.cleared(len);
                }
                // Not every provider answers this question; what it took since the first refusal
                // does.
                Err(_) if self.accepted > accepted_before => {
                    self.circuit.answered(ticket);
                    place.lane.cleared(len);
                }
                Err(diagnosis) if is_passing(diagnosis) => {
                    let random = rand::rng().random();
                    self.circuit.failed(ticket, None, random, Instant::now());
                    self.complain(Complaint::Unreachable, &diagnosis.to_string());
                }
                Err(diagnosis) => {
                    place.refused = place.lane.first().map(|id| (id, accepted_before));
                    self.circuit.held(ticket, Instant::now());
                    let complaint = Complaint::Refuses { status, answer: words };
                    self.complain(complaint, &diagnosis.to_string());
                }
            }
        }
    }

    /// The provider refuses our requests: the log will say so, with the likely cause.
    pub(super) fn ask_for_cause(&mut self, status: u16, answer: String) {
        let was_said = matches!(
            &self.complaint,
            Some(Complaint::Refuses { status: said, answer: words })
                if (*said, words) == (status, &answer)
        );
        if !was_said {
            self.unexplained = Some((status, answer));
        }
    }

    /// Says what is wrong, unless that was the last thing said.
    pub(super) fn complain(&mut self, complaint: Complaint, cause: &str) {
        if self.complaint.as_ref() == Some(&complaint) {
            return;
        }
        match &complaint {
            Complaint::Unreachable => {
                tracing::warn!(cause, "the provider cannot be reached; events wait");
            }
            Complaint::Refuses { status, answer } => tracing::error!(
                status,
                answer,
                likely_cause = cause,
                "the provider refuses; events wait"
            ),
        }
        self.complaint = Some(complaint);
    }

    /// Events are accepted.
    pub(super) fn recovered(&mut self, now: Instant) {
        if self.circuit.gate(now) == Gate::Open && self.complaint.take().is_some() {
            tracing::info!("the provider accepts events again");
        }
    }
}

/// Whether it may pass without anybody's doing.
fn is_passing(diagnosis: &Diagnosis) -> bool {
    matches!(
        diagnosis,
        Diagnosis::HostUnknown { .. }
            | Diagnosis::Unreachable { .. }
            | Diagnosis::Tls { .. }
            | Diagnosis::NoResponse { .. }
            | Diagnosis::Busy { .. }
    )
}

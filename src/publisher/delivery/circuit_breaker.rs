//! Whether the provider may be called now. The whole destination waits together.
//!
//! While all is well calls go side by side. A call that fails shuts the circuit for the time that
//! the back-off says; then one call goes ahead as a probe, and its outcome opens the circuit or
//! shuts it again. Calls that were under way when it was shut say nothing new: ten lanes that fail
//! at the same moment are one failure.
//!
//! Pure: the time and the randomness arrive as arguments.

use std::time::{Duration, Instant};

use super::backoff::Backoff;

/// Events set aside in a row because they alone seem to be refused. More than that with nothing
/// accepted between, and it is not the events.
const REFUSALS_IN_A_ROW: u32 = 3;

pub struct Circuit {
    backoff: Backoff,
    hold: Duration,
    state: State,
    /// How often it was shut. A call remembers the number it was started under.
    shut_times: u64,
    /// Set aside as refused since something was accepted.
    refusals: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Shut {
        until: Instant,
    },
    /// One call is under way to see.
    Probing,
}

/// What a call was started under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// Whether calls may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// One call, to see.
    Probe,
    /// None before then; `None`: until the probe has ended.
    Shut(Option<Instant>),
}

impl Circuit {
    pub fn new(backoff: Backoff, hold: Duration) -> Self {
        Self { backoff, hold, state: State::Open, shut_times: 0, refusals: 0 }
    }

    pub fn gate(&self, now: Instant) -> Gate {
        match self.state {
            State::Open => Gate::Open,
            State::Shut { until } if until <= now => Gate::Probe,
            State::Shut { until } => Gate::Shut(Some(until)),
            State::Probing => Gate::Shut(None),
        }
    }

    /// A call begins, as the gate allowed.
    pub fn start(&mut self) -> Ticket {
        if self.state != State::Open {
            self.state = State::Probing;
        }
        Ticket(self.shut_times)
    }

    /// The provider has taken events.
    pub fn accepted(&mut self, ticket: Ticket) {
        self.refusals = 0;
        self.answered(ticket);
    }

    /// The provider works, though it may not have liked this call.
    pub fn answered(&mut self, ticket: Ticket) {
        // An answer to a call from before the last failure does not undo that failure.
        if !self.is_old(ticket) {
            self.state = State::Open;
            self.backoff.succeeded();
        }
    }

    /// Not now. Says when the next call may go. `asked` is the provider's Retry-After, `random` is
    /// from 0 to 1.
    pub fn failed(
        &mut self,
        ticket: Ticket,
        asked: Option<Duration>,
        random: f64,
        now: Instant,
    ) -> Instant {
        if self.is_old(ticket) {
            return self.shut_until(now);
        }
        let wait = self.backoff.failed(asked, random);
        self.shut(now + wait)
    }

    /// Nothing will pass until a person acts. Says when it is tried again.
    pub fn held(&mut self, ticket: Ticket, now: Instant) -> Instant {
        if self.is_old(ticket) { self.shut_until(now) } else { self.shut(now + self.hold) }
    }

    /// Nobody wants to know any more how this call went.
    pub fn abandoned(&mut self, ticket: Ticket, now: Instant) {
        if self.state == State::Probing && !self.is_old(ticket) {
            self.state = State::Shut { until: now };
        }
    }

    /// One more event seems to be refused for its own sake; says whether that can be believed.
    pub fn may_dead_letter(&mut self) -> bool {
        let believable = self.refusals < REFUSALS_IN_A_ROW;
        if believable {
            self.refusals += 1;
        }
        believable
    }

    /// Whether a call was started before the circuit was last shut: its failure says nothing new.
    pub fn is_old(&self, Ticket(number): Ticket) -> bool {
        number != self.shut_times
    }

    fn shut(&mut self, until: Instant) -> Instant {
        self.state = State::Shut { until };
        self.shut_times += 1;
        until
    }

    /// When the next call may go.
    pub fn shut_until(&self, now: Instant) -> Instant {
        match self.state {
            State::Shut { until } => until.max(now),
            State::Open | State::Probing => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publisher::delivery::backoff::tests::steps_of_100_ms;

    const HOLD: Duration = Duration::from_secs(30);

    fn circuit() -> Circuit {
        Circuit::new(steps_of_100_ms(), HOLD)
    }

    fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn lanes_that_fail_together_are_one_failure() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let tickets: Vec<Ticket> = (0..16).map(|_| circuit.start()).collect();
        for ticket in tickets {
            assert_eq!(circuit.failed(ticket, None, 0.0, now), now + ms(100));
        }
        assert_eq!(circuit.gate(now), Gate::Shut(Some(now + ms(100))));
    }

    #[test]
    fn one_probe_goes_ahead_and_decides() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let first = circuit.start();
        let until = circuit.failed(first, None, 0.0, now);
        assert_eq!(circuit.gate(until), Gate::Probe);
        let probe = circuit.start();
        assert_eq!(circuit.gate(until), Gate::Shut(None), "one call at a time");
        let later = circuit.failed(probe, None, 0.0, until);
        assert_eq!(later, until + ms(200), "it waits longer each time");
        let probe = circuit.start();
        circuit.accepted(probe);
        assert_eq!(circuit.gate(later), Gate::Open);
        let next = circuit.start();
        assert_eq!(circuit.failed(next, None, 0.0, later), later + ms(100), "and starts anew");
    }

    #[test]
    fn an_answer_from_before_does_not_undo_a_failure() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let (slow, failing) = (circuit.start(), circuit.start());
        let until = circuit.failed(failing, Some(ms(5_000)), 0.0, now);
        assert_eq!(until, now + ms(5_000), "what the provider asks for is kept");
        circuit.accepted(slow);
        assert_eq!(circuit.gate(now), Gate::Shut(Some(until)));
        assert_eq!(circuit.held(slow, now), until, "nor is it a new failure");
    }

    #[test]
    fn a_refusal_of_everything_is_held() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let ticket = circuit.start();
        assert_eq!(circuit.held(ticket, now), now + HOLD);
        let probe = circuit.start();
        circuit.answered(probe);
        assert_eq!(circuit.gate(now), Gate::Open);
    }

    #[test]
    fn a_probe_that_nobody_waits_for_makes_room_for_another() {
        let (mut circuit, now) = (circuit(), Instant::now());
        let first = circuit.start();
        let until = circuit.failed(first, None, 0.0, now);
        circuit.abandoned(first, until);
        assert_eq!(circuit.gate(now), Gate::Shut(Some(until)), "it was no probe");
        let probe = circuit.start();
        circuit.abandoned(probe, until);
        assert_eq!(circuit.gate(until), Gate::Probe);
    }

    #[test]
    fn few_events_are_believed_to_be_at_fault_before_one_is_accepted() {
        let mut circuit = circuit();
        let believed = (0..5).filter(|_| circuit.may_dead_letter()).count();
        assert_eq!(believed, 3);
        let ticket = circuit.start();
        circuit.answered(ticket);
        assert!(!circuit.may_dead_letter(), "an answer is no acceptance");
        circuit.accepted(ticket);
        assert!(circuit.may_dead_letter());
    }
}

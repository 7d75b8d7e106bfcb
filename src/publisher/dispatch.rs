//! What the publisher does next: which calls begin, what their ends mean, when the clerk is sent.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::FutureExt;
use rand::Rng;

use super::delivery::circuit_breaker::{Gate, Ticket};
use super::delivery::lane::Refusal;
use super::delivery::request;
use super::failure::{Complaint, Suspicion};
use super::outbox::completions::Results;
use super::outbox::worker::{Clerk, Errand, Report};
use super::{Calls, DATABASE_PAUSE, Ended, Errands, GATHERING, Publisher, Sink};
use crate::pusher::{Client, Outcome};
use crate::store::outbox::{FailedAttempt, OutboxEvent};
use crate::store::{StoreError, now};

impl Publisher {
    /// Begins every call that may begin now.
    pub(super) fn start_calls(&mut self, calls: &mut Calls, now: Instant) {
        let Sink::Provider(client) = &self.sink else { return };
        let client = client.clone();
        if !self.has_role(now) {
            return;
        }
        let count = self.lanes.len();
        // A probe is each time another lane's: one that has nothing good to send does not keep the
        // others waiting.
        let last_probe = self.last_probe;
        for index in (1..=count).map(|step| (last_probe + step) % count) {
            let gate = self.circuit.gate(now);
            if matches!(gate, Gate::Shut(_)) || (self.is_stopping && gate == Gate::Probe) {
                return;
            }
            if self.suspicions.iter().any(|suspicion| suspicion.lane == index) {
                continue;
            }
            let fitting = |events: &[OutboxEvent]| request::fitting(&client, events);
            let Some(events) = self.lanes[index].lane.next_call(fitting) else { continue };
            if gate == Gate::Probe {
                self.last_probe = index;
            }
            let ticket = self.circuit.start();
            let client: Arc<Client> = client.clone();
            calls.push(Box::pin(async move {
                let outcome = request::make(&client, &events).await;
                Ended { lane: index, events, ticket, outcome }
            }));
        }
    }

    /// A call has ended.
    pub(super) fn ended(&mut self, ended: Ended) {
        let Ended { lane: index, events, ticket, outcome } = ended;
        let now = Instant::now();
        let place = &mut self.lanes[index];
        match outcome {
            Outcome::Delivered => {
                self.circuit.accepted(ticket);
                self.accepted += 1;
                place.lane.delivered(events, &mut self.results);
                self.recovered(now);
            }
            Outcome::Rejected { status, message: answer } => {
                let answer = match status {
                    Some(status) => {
                        self.circuit.answered(ticket);
                        words(status, &answer)
                    }
                    None => {
                        // It was not even sent.
                        self.circuit.abandoned(ticket, now);
                        answer
                    }
                };
                place.lane.rejected(events, &answer, &mut self.results);
            }
            Outcome::Retry { after, reason, .. } => {
                let until = self.circuit.failed(ticket, after, rand::rng().random(), now);
                self.in_vain(index, events, until, &reason);
                self.complain(Complaint::Unreachable, &reason);
            }
            Outcome::Held { status, message: answer } => {
                let until = self.circuit.held(ticket, now);
                self.in_vain(index, events, until, &words(status, &answer));
                self.ask_for_cause(status, answer);
            }
            Outcome::Refused { status, message: answer } => {
                self.refused(index, events, ticket, status, answer)
            }
        }
        self.gathering_since.get_or_insert(now);
    }

    /// The provider refused these events: for their own sake, or because it refuses everything.
    fn refused(
        &mut self,
        index: usize,
        events: Vec<OutboxEvent>,
        ticket: Ticket,
        status: u16,
        answer: String,
    ) {
        let now = Instant::now();
        let said = words(status, &answer);
        let lane = &mut self.lanes[index].lane;
        let ends_connections = events.iter().any(|event| event.terminates_connections());
        match lane.refusal_of(&events) {
            Refusal::ItsOwn if ends_connections || self.circuit.may_dead_letter() => {
                self.circuit.answered(ticket);
                lane.dead_letters(events, &said, &mut self.results);
            }
            Refusal::ItsOwn => {
                let until = self.circuit.held(ticket, now);
                self.in_vain(index, events, until, &said);
                self.ask_for_cause(status, answer);
            }
            Refusal::Unclear if self.circuit.is_old(ticket) => {
                let until = self.circuit.shut_until(now);
                self.in_vain(index, events, until, &said);
            }
            Refusal::Unclear => {
                let (len, first) = (events.len(), events.first().map(|event| event.id));
                let before = self.lanes[index].refused.filter(|(id, _)| Some(*id) == first);
                let accepted_before = before.map_or(self.accepted, |(_, accepted)| accepted);
                self.in_vain(index, events, now, &said);
                self.suspicions.push(Suspicion {
                    lane: index,
                    len,
                    ticket,
                    status,
                    answer,
                    accepted_before,
                });
            }
        }
    }

    /// These events go back into their lane, and their attempt is remembered.
    fn in_vain(&mut self, index: usize, events: Vec<OutboxEvent>, until: Instant, answer: &str) {
        let wait = until.saturating_duration_since(Instant::now());
        self.results.failed_attempts.push(FailedAttempt {
            ids: events.iter().map(|event| event.id).collect(),
            next_attempt_at: now() + chrono::Duration::from_std(wait).unwrap_or_default(),
            error: answer.to_owned(),
        });
        self.lanes[index].lane.put_back(events);
    }

    /// There may be events for every lane.
    pub(super) fn look_everywhere(&mut self) {
        for place in &mut self.lanes {
            place.look = true;
        }
        self.next_look = Instant::now() + self.poll;
    }

    /// Sends the clerk out, if it is here and there is something to do.
    pub(super) fn next_errand(&mut self, now: Instant) -> Option<Errands> {
        if now >= self.next_look {
            self.look_everywhere();
        }
        let must_keep = now >= self.next_keep;
        let has_gathered =
            self.gathering_since.is_some_and(|since| since + GATHERING <= now || self.is_stopping);
        let may_read = must_keep || self.has_role(now);
        let wants_more = |place: &super::LanePlace| place.look && place.lane.is_idle();
        let is_needed =
            must_keep || has_gathered || (may_read && self.lanes.iter().any(wants_more));
        if now < self.no_errand_before || !is_needed {
            return None;
        }
        let clerk = self.clerk.take()?;
        if !self.has_role(now) {
            // Whatever waits here may have been sent by another process since.
            self.forget(now);
        }
        let mut shards = Vec::new();
        for place in self.lanes.iter_mut().filter(|place| may_read && wants_more(place)) {
            (place.look, place.is_asked_for) = (false, true);
            shards.extend(&place.shards);
        }
        self.gathering_since = None;
        let results = std::mem::take(&mut self.results);
        let has_failed = !results.failed_attempts.is_empty();
        let lanes = self.lanes.iter().filter(|_| has_failed);
        let in_mind = lanes.flat_map(|place| place.lane.in_mind()).collect();
        let skip = self.skip(now);
        let occupied = self.listeners.as_mut().and_then(|listeners| listeners.unwritten.take());
        let page_len = self.page_len;
        let errand = Errand { results, in_mind, shards, page_len, occupied, skip };
        Some(clerk.run(errand).boxed().fuse())
    }

    /// The clerk is back.
    pub(super) fn back(&mut self, clerk: Clerk, outcome: Result<Report, (StoreError, Results)>) {
        let now = Instant::now();
        self.clerk = Some(clerk);
        match outcome {
            Ok(report) => {
                self.next_keep = now + self.renewal;
                self.held_until = report.held_until;
                if report.held_until.is_none() {
                    self.forget(now);
                }
                if let Some(listeners) = self.listeners.as_mut().filter(|_| report.has_list) {
                    listeners.written(now);
                }
                for place in &mut self.lanes {
                    place.lane.strike(&report.gone);
                }
                self.skipped(report.unheard);
                self.fill(report.events);
            }
            Err((error, results)) => {
                tracing::error!(%error, "the publisher cannot use the database");
                self.no_errand_before = now + DATABASE_PAUSE;
                let later = std::mem::replace(&mut self.results, results);
                self.results.append(later);
                if !self.results.is_empty() {
                    self.gathering_since.get_or_insert(now);
                }
                for place in self.lanes.iter_mut().filter(|place| place.is_asked_for) {
                    (place.look, place.is_asked_for) = (true, false);
                }
            }
        }
    }

    /// Nobody listens to these.
    fn skipped(&mut self, events: Vec<OutboxEvent>) {
        if events.is_empty() {
            return;
        }
        for event in &events {
            // There may be more behind it.
            let lane = self.lane_of(event);
            self.lanes[lane].look = true;
        }
        self.results.skipped.extend(events);
        self.gathering_since.get_or_insert_with(Instant::now);
    }

    /// Gives each lane that was asked for its events.
    fn fill(&mut self, events: Vec<OutboxEvent>) {
        match &self.sink {
            Sink::Provider(_) => {}
            Sink::Log | Sink::Nowhere => return self.swallow(events),
        }
        let page_len = usize::try_from(self.page_len).unwrap_or(usize::MAX);
        let mut pages: Vec<Vec<OutboxEvent>> = vec![Vec::new(); self.lanes.len()];
        for event in events {
            let lane = self.lane_of(&event);
            pages[lane].push(event);
        }
        for (place, mut page) in self.lanes.iter_mut().zip(pages) {
            if std::mem::take(&mut place.is_asked_for) {
                // Each of its shards gave as much; the rest stays for the next time.
                place.look |= page.len() >= page_len;
                page.truncate(page_len);
                place.lane.fill(page);
            }
        }
    }

    /// Without a provider, what is read is delivered.
    fn swallow(&mut self, events: Vec<OutboxEvent>) {
        if matches!(self.sink, Sink::Log) {
            for OutboxEvent { id, channel, name, data, .. } in &events {
                tracing::info!(event.id = id, channel, name, data, "an event");
            }
        }
        for place in &mut self.lanes {
            place.look |= std::mem::take(&mut place.is_asked_for) && !events.is_empty();
        }
        if !events.is_empty() {
            self.results.delivered.extend(events);
            // What is written down is not read again, so it must be before the next look.
            self.gathering_since = Some(Instant::now());
        }
    }

    /// What waits here is not this process's business any more.
    fn forget(&mut self, now: Instant) {
        for place in &mut self.lanes {
            place.lane.forget();
            place.look = true;
        }
        for suspicion in self.suspicions.drain(..) {
            self.circuit.abandoned(suspicion.ticket, now);
        }
    }

    /// The lane that has the event's shard.
    fn lane_of(&self, event: &OutboxEvent) -> usize {
        usize::try_from(event.shard).unwrap_or_default() % self.lanes.len()
    }

    pub(super) fn has_role(&self, now: Instant) -> bool {
        self.held_until.is_some_and(|until| now < until)
    }

    /// Whether the shutdown need not wait any longer.
    pub(super) fn is_done(&self, calls: &Calls, now: Instant) -> bool {
        let nothing_under_way = calls.is_empty() && self.clerk.is_some();
        let written_down = self.results.is_empty() || now < self.no_errand_before;
        let is_empty = || self.lanes.iter().all(|place| place.lane.is_idle() && !place.look);
        let cannot_send = !self.has_role(now) || self.circuit.gate(now) != Gate::Open;
        nothing_under_way && written_down && (cannot_send || is_empty())
    }

    /// When there is something to do although nothing happens.
    pub(super) fn next_moment(&self, now: Instant) -> Instant {
        let mut moment = self.next_look;
        if self.clerk.is_some() {
            let gathered = self.gathering_since.map(|since| since + GATHERING);
            let errand = gathered.map_or(self.next_keep, |at| at.min(self.next_keep));
            moment = moment.min(errand.max(self.no_errand_before));
        }
        match self.circuit.gate(now) {
            Gate::Shut(Some(until)) => moment.min(until),
            Gate::Shut(None) | Gate::Open | Gate::Probe => moment,
        }
    }
}

pub(super) fn words(status: u16, answer: &str) -> String {
    format!("{status} {answer}")
}

//! One page of events to the provider, in order, and what became of each.
//!
//! No database in here: the page goes in, what was delivered and what can never pass comes out.

use std::collections::VecDeque;

use crate::pusher::{self, Client, MAX_EVENTS_PER_BATCH, Outcome};
use crate::store::outbox::Event;

/// What became of a page.
#[derive(Debug, Default)]
pub struct Page {
    pub delivered: Vec<Event>,
    /// What can never pass, with the provider's answer.
    pub set_aside: Vec<(Event, String)>,
    /// Why the rest of the page waits; `None`: nothing does.
    pub stopped: Option<Stop>,
}

/// Why sending stopped before the end of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Not now: the outcome's wish and reason.
    Retry { after: Option<std::time::Duration>, reason: String },
    /// Nothing will pass until a person acts: the status and the provider's words.
    Hold { status: u16, answer: String },
    /// The caller said so.
    Interrupted,
}

/// Sends events in order, ten a call, until one call fails or `go_on` says no.
///
/// A call that the provider refuses for good (400, 404) or rejects (413, 422) is taken apart, see
/// [`take_apart`].
pub async fn send(client: &Client, events: Vec<Event>, go_on: impl Fn() -> bool) -> Page {
    let mut page = Page::default();
    let mut rest = events.into_iter().peekable();
    while rest.peek().is_some() && page.stopped.is_none() {
        if !go_on() {
            page.stopped = Some(Stop::Interrupted);
            break;
        }
        let call: Vec<Event> = rest.by_ref().take(MAX_EVENTS_PER_BATCH).collect();
        match publish(client, &call).await {
            Outcome::Delivered => page.delivered.extend(call),
            Outcome::Rejected { answer, status } if call.len() == 1 => {
                page.set_aside.extend(call.into_iter().map(|e| (e, words(status, &answer))));
            }
            outcome @ Outcome::Refused { .. } if call.len() == 1 => page.stopped = stop_of(outcome),
            Outcome::Refused { .. } | Outcome::Rejected { .. } => {
                take_apart(client, call, &mut page, &go_on).await;
            }
            outcome => page.stopped = stop_of(outcome),
        }
    }
    page
}

/// Sends each event of a failed call alone.
///
/// What is rejected alone (413, 422) is set aside. What is refused alone (400, 404) is suspect: it
/// may be the event, or the configuration. When another event passes after it, the suspect is tried
/// once more: refused again, it was the event, and is set aside; accepted, the provider has
/// recovered meanwhile. While nothing passes, it is the configuration: everything is kept. The
/// events behind a suspect on its channel wait for the verdict, so that their order stays.
async fn take_apart(client: &Client, call: Vec<Event>, page: &mut Page, go_on: &impl Fn() -> bool) {
    let mut queue = VecDeque::from(call);
    let mut suspects: Vec<(Event, Stop)> = Vec::new();
    let mut behind_suspects: Vec<Event> = Vec::new();
    while let Some(event) = queue.pop_front() {
        if suspects.iter().any(|(suspect, _)| suspect.channel == event.channel) {
            behind_suspects.push(event);
            continue;
        }
        if !go_on() {
            page.stopped = Some(Stop::Interrupted);
            return;
        }
        match publish(client, std::slice::from_ref(&event)).await {
            Outcome::Delivered => {
                page.delivered.push(event);
                for (suspect, _) in std::mem::take(&mut suspects) {
                    if !try_again(client, suspect, page).await {
                        return;
                    }
                }
                for event in std::mem::take(&mut behind_suspects).into_iter().rev() {
                    queue.push_front(event);
                }
            }
            Outcome::Rejected { status, answer } => {
                page.set_aside.push((event, words(status, &answer)));
            }
            Outcome::Refused { status, answer } => {
                suspects.push((event, Stop::Hold { status, answer }));
            }
            outcome => {
                page.stopped = stop_of(outcome);
                return;
            }
        }
    }
    if let Some((_, hold)) = suspects.into_iter().next() {
        page.stopped = Some(hold);
    }
}

/// The second and last try of a suspect. Says whether sending goes on.
async fn try_again(client: &Client, suspect: Event, page: &mut Page) -> bool {
    match publish(client, std::slice::from_ref(&suspect)).await {
        Outcome::Delivered => page.delivered.push(suspect),
        Outcome::Refused { status, answer } => {
            page.set_aside.push((suspect, words(Some(status), &answer)));
        }
        Outcome::Rejected { status, answer } => {
            page.set_aside.push((suspect, words(status, &answer)));
        }
        outcome => page.stopped = stop_of(outcome),
    }
    page.stopped.is_none()
}

async fn publish(client: &Client, call: &[Event]) -> Outcome {
    let events: Vec<pusher::Event<'_>> = call
        .iter()
        .map(|Event { name, channel, data, .. }| pusher::Event {
            name,
            channel,
            data,
            socket_id: None,
        })
        .collect();
    let outcome = client.publish(&events).await;
    let label = match &outcome {
        Outcome::Delivered => "delivered",
        Outcome::Retry { .. } => "retry",
        Outcome::Refused { .. } => "refused",
        Outcome::Held { .. } => "held",
        Outcome::Rejected { .. } => "rejected",
    };
    metrics::counter!("matchcast_publisher_calls_total", "outcome" => label).increment(1);
    outcome
}

/// What is delivered or set aside stops nothing.
fn stop_of(outcome: Outcome) -> Option<Stop> {
    match outcome {
        Outcome::Delivered | Outcome::Rejected { .. } => None,
        Outcome::Retry { after, reason } => Some(Stop::Retry { after, reason }),
        Outcome::Refused { status, answer } | Outcome::Held { status, answer } => {
            Some(Stop::Hold { status, answer })
        }
    }
}

/// Without a status the event was not sent, and the answer is our own.
fn words(status: Option<u16>, answer: &str) -> String {
    status.map_or_else(|| answer.to_owned(), |status| format!("{status} {answer}"))
}

//! One page of events to the provider, in order, and what became of each.
//!
//! No database in here: the page goes in, what was delivered and what can never pass comes out.

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
/// - A call that is *rejected* (413, 422) is taken apart: what is rejected alone is set aside.
/// - A call that is *refused* (400, 404) is taken apart too. An event that is refused alone is set
///   aside when the configuration is right and another event passes: then it was the event. When
///   none of a call passes, and none has before, everything is kept and the rest is not tried.
pub async fn send(client: &Client, events: Vec<Event>, go_on: impl Fn() -> bool) -> Page {
    let mut page = Page::default();
    let mut refused = Vec::new();
    let mut rest = events.into_iter().peekable();
    while rest.peek().is_some() && page.stopped.is_none() {
        if !go_on() {
            page.stopped = Some(Stop::Interrupted);
            break;
        }
        let call: Vec<Event> = rest.by_ref().take(MAX_EVENTS_PER_BATCH).collect();
        if call.len() == 1 {
            one_by_one(client, call, &mut page, &mut refused, &go_on).await;
        } else {
            match publish(client, &call).await {
                Outcome::Delivered => page.delivered.extend(call),
                Outcome::Refused { .. } | Outcome::Rejected { .. } => {
                    one_by_one(client, call, &mut page, &mut refused, &go_on).await;
                }
                outcome => page.stopped = stop_of(outcome),
            }
        }
        if page.delivered.is_empty() && !refused.is_empty() {
            break;
        }
    }
    judge_refused(&mut page, refused);
    page
}

/// Sends each event alone.
async fn one_by_one(
    client: &Client,
    call: Vec<Event>,
    page: &mut Page,
    refused: &mut Vec<(Event, u16, String)>,
    go_on: &impl Fn() -> bool,
) {
    for event in call {
        if !go_on() {
            page.stopped = Some(Stop::Interrupted);
            return;
        }
        let mut outcome = publish(client, std::slice::from_ref(&event)).await;
        if matches!(outcome, Outcome::Refused { .. }) && page.delivered.is_empty() {
            outcome = doubt(client, &event, outcome).await;
        }
        match outcome {
            Outcome::Delivered => page.delivered.push(event),
            Outcome::Rejected { status, answer } => {
                page.set_aside.push((event, words(status, &answer)));
            }
            Outcome::Refused { status, answer } => refused.push((event, status, answer)),
            outcome => {
                page.stopped = stop_of(outcome);
                return;
            }
        }
    }
}

/// Was it the event, or the configuration? Nothing has passed yet that would tell.
///
/// A question that only the configuration can spoil decides. If it is right now, it may have been
/// put right after the event was sent, so that the event has another chance before those behind it.
async fn doubt(client: &Client, event: &Event, refusal: Outcome) -> Outcome {
    match (client.channels().await, refusal) {
        (Ok(_), _) => publish(client, std::slice::from_ref(event)).await,
        (Err(Outcome::Refused { .. }), Outcome::Refused { status, answer }) => {
            Outcome::Held { status, answer }
        }
        (Err(outcome), _) => outcome,
    }
}

fn judge_refused(page: &mut Page, refused: Vec<(Event, u16, String)>) {
    if !page.delivered.is_empty() {
        let aside = |(event, status, answer): (Event, u16, String)| (event, words(status, &answer));
        page.set_aside.extend(refused.into_iter().map(aside));
    } else if let Some((_, status, answer)) = refused.into_iter().next() {
        // An interruption, too: begun anew, it would come this far again and again.
        if matches!(page.stopped, None | Some(Stop::Interrupted)) {
            page.stopped = Some(Stop::Hold { status, answer });
        }
    }
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

fn stop_of(outcome: Outcome) -> Option<Stop> {
    match outcome {
        Outcome::Delivered => None,
        Outcome::Retry { after, reason } => Some(Stop::Retry { after, reason }),
        Outcome::Refused { status, answer }
        | Outcome::Held { status, answer }
        | Outcome::Rejected { status, answer } => Some(Stop::Hold { status, answer }),
    }
}

fn words(status: u16, answer: &str) -> String {
    format!("{status} {answer}")
}

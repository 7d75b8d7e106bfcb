//! Delivery as a whole: requests that start, their outcomes, and what follows.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Delivery, Permit, ProviderState, Request};
use crate::config::{self, OneTo};
use crate::publisher::fixtures::{event, ids, settings};
use crate::pusher::{Diagnosis, Outcome};
use crate::store::outbox::OutboxEvent;

/// Delivery of these events, numbered from 1, by as many lanes. Each belongs to the lane of its
/// shard.
fn delivery(lanes: i16, shards: &[i16]) -> (Delivery, Instant) {
    let lanes = OneTo::new(lanes).expect("1 to 64 lanes");
    let mut delivery = Delivery::new(&config::Publisher { lanes, ..settings() });
    delivery.start_reading();
    delivery.fill((1..).zip(shards).map(|(id, shard)| event(id, *shard, "e")).collect());
    (delivery, Instant::now())
}

fn start(delivery: &mut Delivery, now: Instant) -> Vec<Request> {
    delivery.start_requests(now, |events: &[OutboxEvent]| events.len().min(10))
}

fn lanes_of(requests: &[Request]) -> Vec<usize> {
    requests.iter().map(|request| request.lane).collect()
}

fn unavailable() -> Outcome {
    Outcome::Retry { status: Some(503), after: None, reason: "503".to_owned() }
}

fn refused() -> Outcome {
    Outcome::Refused { status: 404, message: "no".to_owned() }
}

fn rejected(status: Option<u16>) -> Outcome {
    Outcome::Rejected { status, message: "no".to_owned() }
}

/// Starts the only request that may start, and completes it. Returns its events and the errors of
/// those that became dead letters.
fn send_one(delivery: &mut Delivery, now: Instant, outcome: Outcome) -> (Vec<i64>, Vec<String>) {
    let mut requests = start(delivery, now);
    assert_eq!(requests.len(), 1, "{requests:?}");
    let request = requests.remove(0);
    let sent = ids(&request.events);
    let completions = delivery.complete(request, outcome, now, 0.0).completions;
    (sent, completions.rejected.into_iter().map(|rejection| rejection.error).collect())
}

#[test]
fn every_lane_has_one_request_in_flight() {
    let (mut delivery, now) = delivery(4, &[0, 1, 1, 3]);
    let requests = start(&mut delivery, now);
    assert_eq!(lanes_of(&requests), [1, 3, 0]);
    assert!(start(&mut delivery, now).is_empty());
    for request in requests {
        let consequences = delivery.complete(request, Outcome::Delivered, now, 0.0);
        assert_eq!(consequences.provider, Some(ProviderState::Accepting));
        assert!(!consequences.completions.delivered.is_empty());
    }
    delivery.start_reading();
    delivery.fill(Vec::new());
    assert!(delivery.is_exhausted());
}

#[test]
fn after_a_failure_one_lane_after_the_other_sends_a_probe() {
    let (mut delivery, mut now) = delivery(3, &[0, 1, 2]);
    for request in start(&mut delivery, now) {
        let consequences = delivery.complete(request, unavailable(), now, 0.0);
        let [attempt] = &consequences.completions.failed_attempts[..] else { panic!("one") };
        assert_eq!((attempt.event_count(), attempt.error.as_str()), (1, "503"));
    }
    let mut probed = Vec::new();
    for _ in 0..3 {
        let Permit::NoneUntil(until) = delivery.permit(now) else { panic!("it is open") };
        assert!(start(&mut delivery, now).is_empty());
        now = until;
        let mut probe = start(&mut delivery, now);
        probed.extend(lanes_of(&probe));
        delivery.complete(probe.remove(0), unavailable(), now, 0.0);
    }
    assert_eq!(probed, [1, 2, 0]);
}

#[test]
fn the_unacceptable_event_of_a_request_becomes_a_dead_letter() {
    let (mut delivery, now) = delivery(1, &[0, 0, 0]);
    assert_eq!(send_one(&mut delivery, now, rejected(Some(413))), (vec![1, 2, 3], vec![]));
    assert_eq!(send_one(&mut delivery, now, Outcome::Delivered), (vec![1], vec![]));
    let dead_letter = (vec![2], vec!["413 no".to_owned()]);
    assert_eq!(send_one(&mut delivery, now, rejected(Some(413))), dead_letter);
    assert_eq!(send_one(&mut delivery, now, Outcome::Delivered), (vec![3], vec![]));
}

#[test]
fn an_event_that_cannot_be_sent_does_not_close_the_breaker() {
    let (mut delivery, now) = delivery(2, &[0, 1]);
    for request in start(&mut delivery, now) {
        delivery.complete(request, unavailable(), now, 0.0);
    }
    let now = now + Duration::from_millis(100);
    assert_eq!(send_one(&mut delivery, now, rejected(None)), (vec![2], vec!["no".to_owned()]));
    assert_eq!(delivery.permit(now), Permit::Probe, "the next lane tries");
}

#[test]
fn an_event_refused_before_and_after_a_diagnosis_becomes_a_dead_letter() {
    let (mut delivery, now) = delivery(1, &[0, 0]);
    assert_eq!(send_one(&mut delivery, now, refused()), (vec![1, 2], vec![]));
    assert!(delivery.needs_diagnosis() && start(&mut delivery, now).is_empty());
    assert_eq!(delivery.resolve_refusals(&Ok(()), now, 0.0), []);
    assert_eq!(send_one(&mut delivery, now, refused()), (vec![1], vec![]));
    delivery.resolve_refusals(&Ok(()), now, 0.0);
    let dead_letter = (vec![1], vec!["404 no".to_owned()]);
    assert_eq!(send_one(&mut delivery, now, refused()), dead_letter);
    assert_eq!(send_one(&mut delivery, now, Outcome::Delivered), (vec![2], vec![]));
}

#[test]
fn a_fourth_dead_letter_in_a_row_is_held_instead() {
    let (mut delivery, now) = delivery(1, &[0; 5]);
    let mut dead_letters = Vec::new();
    while delivery.permit(now) == Permit::Unlimited {
        dead_letters.extend(send_one(&mut delivery, now, refused()).1);
        delivery.resolve_refusals(&Ok(()), now, 0.0);
    }
    assert_eq!(dead_letters.len(), 3);
    assert_eq!(delivery.permit(now), Permit::NoneUntil(now + Duration::from_secs(30)));
    assert_eq!(delivery.queued_ids(), [4, 5]);
}

#[test]
fn a_diagnosis_that_fails_opens_the_breaker() {
    let (cause, message) = ("refused".to_owned(), "no".to_owned());
    let down = Diagnosis::Unreachable { destination: String::new(), cause };
    let quota = Diagnosis::Quota { message: message.clone() };
    for (diagnosis, wait_ms, expected) in [
        (down.clone(), 100, ProviderState::Unavailable { reason: down.to_string() }),
        (quota, 30_000, ProviderState::Refusing { status: 404, message }),
    ] {
        let (mut delivery, now) = delivery(1, &[0]);
        send_one(&mut delivery, now, refused());
        assert_eq!(delivery.resolve_refusals(&Err(diagnosis), now, 0.0), [expected]);
        let until = now + Duration::from_millis(wait_ms);
        assert_eq!(delivery.permit(now), Permit::NoneUntil(until));
    }
}

#[test]
fn cleared_events_are_neither_sent_nor_diagnosed() {
    let (mut delivery, now) = delivery(2, &[0, 1, 1]);
    let [first, second] = <[Request; 2]>::try_from(start(&mut delivery, now)).expect("two lanes");
    delivery.complete(first, refused(), now, 0.0);
    delivery.clear(now);
    assert!(!delivery.needs_diagnosis());
    delivery.complete(second, unavailable(), now, 0.0);
    assert!(delivery.queued_ids().is_empty());
    assert!(delivery.wants_events());
}

#[test]
fn a_dropped_event_does_not_come_back() {
    let (mut delivery, now) = delivery(1, &[0, 0]);
    send_one(&mut delivery, now, unavailable());
    delivery.remove(&BTreeSet::from([1]));
    let later = now + Duration::from_millis(100);
    assert_eq!(send_one(&mut delivery, later, Outcome::Delivered), (vec![2], vec![]));
}

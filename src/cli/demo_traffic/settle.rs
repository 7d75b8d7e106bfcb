//! After the load: cancels what rests, finds out what became of orders without an answer, and
//! compares what the server lists with what it has said.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use super::listener::Listeners;
use super::load::{cancel, note};
use super::participants::Participant;
use super::tally::Unclear;
use super::{Run, api};

/// How long the last events may take.
const LAST_EVENTS: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);
/// Pages of a list; each has at least 100 rows.
const MAX_PAGES: usize = 20_000;

pub async fn settle(run: &Run, listeners: &Listeners) {
    for Unclear { participant, client_order_id } in run.tally.counts().unclear {
        find(run, participant, &client_order_id).await;
    }
    for (position, participant) in run.participants.iter().enumerate() {
        let resting = std::mem::take(&mut *participant.resting.lock());
        for order in resting {
            cancel(run, position, order).await;
        }
        if let Err(error) = compare(run, position, participant).await {
            let problem = format!("the lists of user {} cannot be read: {error:#}", participant.id);
            run.tally.change(|counts| counts.unknown += 1);
            run.tally.note_problem(problem);
        }
    }
    let until = Instant::now() + LAST_EVENTS;
    while !run.expected.is_complete() && listeners.ended().is_empty() && Instant::now() < until {
        tokio::time::sleep(POLL).await;
    }
    for participant in run.participants.iter().filter(|participant| participant.is_temporary) {
        let token = Some(participant.token.as_str());
        if let Err(error) = run.api.send(Method::POST, "/logout", token, Some(&json!({}))).await {
            let problem = format!("a user could not log out: {error}");
            run.tally.note_problem(problem);
        }
    }
}

/// What became of an order whose request has no answer.
async fn find(run: &Run, position: usize, client_order_id: &str) {
    let participant = &run.participants[position];
    let path = format!("/orders/by-client-id/{client_order_id}");
    let answer = run.api.send(Method::GET, &path, Some(&participant.token), None).await;
    match answer {
        Ok(answer) if answer.is_success() => {
            let data = &answer.body["data"];
            note(run, position, data, None);
            if data["order"]["status"].as_i64() == Some(1) {
                participant.resting.lock().extend(data["order"]["id"].as_i64());
            }
        }
        // It was not executed, and no request for it is on its way any more.
        Ok(answer) if answer.status == 404 => {}
        _ => run.tally.change(|counts| counts.unknown += 1),
    }
}

/// Reads the orders and trades of a user as far as those of this run go.
async fn compare(run: &Run, position: usize, participant: &Participant) -> anyhow::Result<()> {
    let counts = run.tally.counts();
    let Some(acknowledged) = counts.acknowledged.get(&position) else { return Ok(()) };
    let Some(first) = acknowledged.first().copied() else { return Ok(()) };
    let mut missing: BTreeSet<i64> = acknowledged.clone();
    pages(run, participant, "/my-orders", |row| {
        let id = row["id"].as_i64().unwrap_or_default();
        missing.remove(&id);
        id > first
    })
    .await?;
    run.tally.change(|counts| counts.lost += missing.len());
    pages(run, participant, "/my-trades", |row| {
        let is_of_run = row["order_id"].as_i64().is_some_and(|id| acknowledged.contains(&id));
        if let Some(trade) = row["id"].as_i64().filter(|_| is_of_run) {
            run.expected.expect(participant.id, trade, None);
            run.tally.change(|counts| counts.trades.extend([trade]));
        }
        // Older orders may have traded since, but not for a whole page.
        row["order_id"].as_i64().is_some_and(|id| id >= first)
    })
    .await
}

/// Reads a list, newest first, until `goes_on` is false for every row of a page.
async fn pages(
    run: &Run,
    participant: &Participant,
    path: &str,
    mut goes_on: impl FnMut(&Value) -> bool,
) -> anyhow::Result<()> {
    let mut query = String::new();
    for _ in 0..MAX_PAGES {
        let path = format!("{path}{query}");
        let token = Some(participant.token.as_str());
        let api::Answer { status, body, next } =
            run.api.send(Method::GET, &path, token, None).await?;
        anyhow::ensure!(status == 200, "status {status} of {path}");
        let rows = body["data"].as_array().context("it is no list")?;
        let going_on = rows.iter().filter(|row| goes_on(row)).count();
        match next {
            Some(next) if going_on > 0 => query = next,
            _ => return Ok(()),
        }
    }
    anyhow::bail!("{path} has too many pages")
}

//! The result of a run, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::expected::EventFigures;
use super::latency::{Latencies, Summary};
use super::listener::Listeners;
use super::load::Sent;
use super::tally::Counts;
use super::{Arguments, Run};
use crate::cli::table::{Column, table};

#[derive(Serialize)]
pub struct Report {
    url: String,
    market: String,
    users: usize,
    rate: u32,
    seconds: f64,
    seed: u64,
    interrupted: bool,
    orders: Orders,
    /// Latencies from the time at which a request was due, by what became of it.
    outcomes: Vec<OutcomeRow>,
    /// Of all orders.
    latency: Summary,
    /// How much later than it was due an order was sent at most.
    sent_late_max_ms: f64,
    trades: usize,
    events: EventFigures,
    /// What else went wrong.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Orders {
    sent: u64,
    accepted: usize,
    refused: usize,
    unanswered: usize,
    /// Acknowledged, and not in the lists of the server.
    lost: usize,
    /// Not answered, and it could not be found out whether they were executed.
    unknown: usize,
}

#[derive(Serialize)]
struct OutcomeRow {
    outcome: String,
    #[serde(flatten)]
    latency: Summary,
}

impl Report {
    pub fn new(
        arguments: &Arguments,
        seed: u64,
        sent: Sent,
        run: &Run,
        listeners: &Listeners,
    ) -> Self {
        let Counts { latencies, trades, lost, unknown, problems, .. } = run.tally.counts();
        let (mut all, mut accepted, mut answered) = (Latencies::default(), 0, 0);
        for (outcome, of_outcome) in latencies.iter().filter(|(outcome, _)| outcome.is_of_order()) {
            all.extend(of_outcome);
            let count = of_outcome.summary().count;
            answered += count;
            accepted += if outcome.is_accepted() { count } else { 0 };
        }
        let unanswered = run.tally.counts().unclear.len();
        let rows = latencies.iter().map(|(outcome, latencies)| OutcomeRow {
            outcome: outcome.name(),
            latency: latencies.summary(),
        });
        let mut problems: Vec<String> = problems.into_iter().collect();
        problems.extend(listeners.ended());
        Self {
            url: arguments.url.clone(),
            market: run.instance.market.symbol.clone(),
            users: run.participants.len(),
            rate: arguments.rate,
            seconds: round(sent.elapsed),
            seed,
            interrupted: sent.is_interrupted,
            orders: Orders {
                sent: sent.orders,
                accepted,
                refused: answered - accepted - unanswered,
                unanswered,
                lost,
                unknown,
            },
            outcomes: rows.collect(),
            latency: all.summary(),
            sent_late_max_ms: round(sent.latest * 1_000),
            trades: trades.len(),
            events: run.expected.figures(),
            problems,
        }
    }

    /// Whether no order is lost, and every event was heard.
    pub fn is_complete(&self) -> bool {
        let Orders { lost, unknown, .. } = self.orders;
        lost == 0 && unknown == 0 && self.events.missed == 0
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{} orders in {:.1} s to {}, market {}, {} users, seed {}{}\n\n",
            self.orders.sent,
            self.seconds,
            self.url,
            self.market,
            self.users,
            self.seed,
            if self.interrupted { ", interrupted" } else { "" },
        );
        let columns = [
            Column::Left("OUTCOME"),
            Column::Right("COUNT"),
            Column::Right("P50 MS"),
            Column::Right("P95 MS"),
            Column::Right("P99 MS"),
            Column::Right("MAX MS"),
        ];
        let mut rows: Vec<Vec<String>> =
            self.outcomes.iter().map(|row| cells(&row.outcome, &row.latency)).collect();
        rows.push(cells("all orders", &self.latency));
        text.push_str(&table(&columns, &rows));
        let Orders { sent, accepted, refused, unanswered, lost, unknown } = self.orders;
        let EventFigures { expected, heard, missed, repeated, after_answer } = self.events;
        let lines = [
            format!(
                "orders: {sent} sent, {accepted} accepted, {refused} refused, {unanswered} without \
                 an answer, {lost} lost, {unknown} unknown"
            ),
            format!("trades: {}", self.trades),
            format!(
                "events: {expected} expected, {heard} heard, {missed} missed, {repeated} repeated"
            ),
            format!(
                "from the answer to the event: {} ms p50, {} ms p95, {} ms p99, {} ms max",
                ms(after_answer.p50_ms),
                ms(after_answer.p95_ms),
                ms(after_answer.p99_ms),
                ms(after_answer.max_ms),
            ),
            format!("sent late: {:.1} ms max", self.sent_late_max_ms),
        ];
        text.push('\n');
        for line in lines.iter().chain(&self.problems) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {line}");
        }
        text
    }
}

/// With three decimal places.
fn round(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

fn ms(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"))
}

fn cells(name: &str, summary: &Summary) -> Vec<String> {
    let Summary { count, p50_ms, p95_ms, p99_ms, max_ms } = *summary;
    let mut cells = vec![name.to_owned(), count.to_string()];
    cells.extend([p50_ms, p95_ms, p99_ms, max_ms].map(ms));
    cells
}

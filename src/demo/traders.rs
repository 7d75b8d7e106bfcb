//! The traders at work: a task that trades while somebody uses the API, the switch is on, and this
//! process holds the lease.
//!
//! Every command goes to the engine, as those of requests do: the same queue, transaction, events
//! and rules. Requests to the API would need tokens, with which somebody could log in as a trader,
//! and would count as an audience. The traders remember nothing that matters: each step reads what
//! there is.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;

use super::audience::Audience;
use super::maker::{self, Quote};
use super::taker;
use super::team::Team;
use super::walk::Walk;
use crate::engine::{EngineError, EngineHandle};
use crate::market::{Command, Fixed};
use crate::outage::Outage;
use crate::store::demo_traders::{self, Situation};
use crate::store::{Store, StoreError, leases};

/// Quotes on each side.
pub const LEVELS: i64 = 12;
/// So many follow from [`PAUSES_MS`] and [`TAKER_SHARE`].
pub const TAKER_ORDERS_PER_S: f64 = 1.25;
/// Between two steps.
const PAUSES_MS: std::ops::Range<u64> = 200..600;
/// In this share of the steps a taker trades; in the others the maker moves quotes.
const TAKER_SHARE: f64 = 0.5;
/// The most changes of quotes in a step.
const CHANGES_PER_STEP: usize = 2;
/// How often an idle process looks whether it has something to do.
const IDLE: Duration = Duration::from_millis(500);
/// How long another process waits for the lease after this one has died.
const LEASE: Duration = Duration::from_secs(10);

static OUTAGE: Outage = Outage::warning(
    "demo_traders",
    "the demo's traders cannot trade",
    "the demo's traders trade again",
);

/// Why a step has failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Trades as long as the process runs.
pub struct Traders {
    store: Store,
    engine: EngineHandle,
    team: Team,
    audience: Audience,
    rng: StdRng,
    /// Identifies this process.
    holder: String,
    /// `None`: this process does not hold the lease.
    held_until: Option<Instant>,
    /// The price, and when it was advanced. `None`: it begins at the last trade.
    walk: Option<(Walk, Instant)>,
}

impl Traders {
    pub fn new(store: Store, engine: EngineHandle, team: Team, audience: Audience) -> Self {
        let (rng, holder) = (StdRng::from_os_rng(), leases::new_holder());
        Self { store, engine, team, audience, rng, holder, held_until: None, walk: None }
    }

    /// Runs until `stopped` is true. The quotes remain.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let pause = match self.step().await {
                Ok(true) => {
                    OUTAGE.recovered();
                    Duration::from_millis(self.rng.random_range(PAUSES_MS))
                }
                Ok(false) => IDLE,
                Err(error) => {
                    OUTAGE.failed(&error);
                    IDLE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.changed() => {}
            }
        }
        self.rest().await;
    }

    /// Trades, if it is this process's turn; returns whether it is.
    async fn step(&mut self) -> Result<bool, Failure> {
        if !self.audience.is_present() {
            self.rest().await;
            return Ok(false);
        }
        let (members, market) = (self.team.members.clone(), self.team.market.clone());
        let read = move |c: &mut _| demo_traders::situation(c, &members, &market);
        let situation = self.store.read_snapshot(read).await?;
        if !situation.is_running {
            if !situation.quotes.is_empty() && self.holds_lease().await? {
                self.execute(self.team.withdrawal()).await?;
            }
            self.rest().await;
            return Ok(false);
        }
        if !self.holds_lease().await? {
            self.walk = None;
            return Ok(false);
        }
        for command in self.decide(&situation) {
            self.execute(command).await?;
        }
        Ok(true)
    }

    /// The commands of a step.
    fn decide(&mut self, situation: &Situation) -> Vec<Command> {
        let Self { team, rng, walk, .. } = self;
        let now = Instant::now();
        let (mut price, advanced_at) = walk.unwrap_or_else(|| {
            let from = |price| Walk::from_price(price, &team.scale);
            (situation.last_price.map_or_else(Walk::new, from), now)
        });
        price.advance(rng, now.duration_since(advanced_at));
        *walk = Some((price, now));
        let steps = price.price(&team.scale);
        let quotes: Vec<Quote> = situation.quotes.iter().map(|order| team.quote(order)).collect();
        // Without quotes there is nothing to take.
        if !quotes.is_empty() && rng.random_bool(TAKER_SHARE) {
            let taker = team.takers[rng.random_range(0..team.takers.len())];
            let held = situation.held.iter().find(|(user, _)| *user == taker);
            let held = held.map_or(Fixed::ZERO, |(_, held)| *held);
            let intent = taker::next(rng, steps, price.trend(), held, Team::first_amount());
            return team.taker_command(taker, intent, 1).into_iter().collect();
        }
        let changes = maker::changes(rng, &quotes, steps, LEVELS, CHANGES_PER_STEP);
        changes.into_iter().filter_map(|change| team.maker_command(change, 1)).collect()
    }

    /// Lets the engine execute a command. That it is rejected is no failure: somebody was faster,
    /// or the market is not open.
    async fn execute(&self, command: Command) -> Result<(), Failure> {
        match self.engine.execute(command, None).await {
            Err(EngineError::Rejected(rejection)) => {
                tracing::debug!(?rejection, "a command of the demo's traders was rejected");
                Ok(())
            }
            executed => Ok(executed.map(drop)?),
        }
    }

    /// Takes or renews the lease when a third of it has passed.
    async fn holds_lease(&mut self) -> Result<bool, StoreError> {
        let requested_at = Instant::now();
        if self.held_until.is_some_and(|until| requested_at + LEASE * 2 / 3 < until) {
            return Ok(true);
        }
        let holder = self.holder.clone();
        let taken = self
            .store
            .transact(move |c| leases::take(c, leases::DEMO_TRADERS, &holder, LEASE))
            .await?;
        self.held_until = taken.then(|| requested_at + LEASE);
        Ok(taken)
    }

    /// Releases the lease, so that another process may trade at once.
    async fn rest(&mut self) {
        self.walk = None;
        if self.held_until.take().is_none() {
            return;
        }
        let holder = self.holder.clone();
        let released =
            self.store.transact(move |c| leases::release(c, leases::DEMO_TRADERS, &holder)).await;
        if let Err(error) = released {
            tracing::debug!(%error, "the lease of the demo's traders was not released");
        }
    }
}

//! Has the engine do what no request asks for: cancel orders that have expired, and execute stop
//! orders that were triggered before a crash or while their market was not open.
//!
//! Every process looks, and the market's lock decides which one finds something to do.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::engine::{EngineError, EngineHandle};
use crate::outage::Outage;
use crate::store::{Store, trading};

/// An order is cancelled no later than this after it expires, and the time for a transaction.
pub const INTERVAL: Duration = Duration::from_millis(250);

static OUTAGE: Outage = Outage::warning(
    "advancing",
    "expired orders cannot be cancelled",
    "expired orders are cancelled again",
);

/// Looks now and then once per `interval`. Never completes.
pub async fn run(store: Store, engine: EngineHandle, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let markets = match store.read(trading::markets_to_advance).await {
            Ok(markets) => markets,
            Err(error) => {
                OUTAGE.failed(&error);
                continue;
            }
        };
        let mut outcome = Ok(());
        for market in markets {
            // A market that cannot be advanced does not keep the others.
            outcome = outcome.and(engine.advance(market).await);
        }
        match outcome {
            Ok(()) => OUTAGE.recovered(),
            Err(EngineError::Stopped) => {}
            Err(error) => OUTAGE.failed(&error),
        }
    }
}

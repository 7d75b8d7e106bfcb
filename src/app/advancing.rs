//! Has the engine do what no request asks for: cancel orders that have expired, and execute stop
//! orders that were triggered before a crash or while their market was not open.
//!
//! Every process looks, and the market's lock decides which one finds something to do.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use crate::engine::{EngineError, EngineHandle};
use crate::outage::Outage;
use crate::store::{Store, trading};

/// An order is cancelled no later than this after it expires, and the time for a transaction.
pub const INTERVAL: Duration = Duration::from_millis(250);
/// How often it looks again at once, because one transaction does not cancel all.
const MOST_ROUNDS: usize = 100;

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
        for _ in 0..MOST_ROUNDS {
            match advance(&store, &engine).await {
                Ok(true) => OUTAGE.recovered(),
                Ok(false) => {
                    OUTAGE.recovered();
                    break;
                }
                Err(cause) => {
                    OUTAGE.failed(&cause);
                    break;
                }
            }
        }
    }
}

/// False if there is nothing to do.
async fn advance(store: &Store, engine: &EngineHandle) -> Result<bool, String> {
    let markets = store.read(trading::markets_to_advance).await;
    let markets = markets.map_err(|error| error.to_string())?;
    let mut outcome = Ok(!markets.is_empty());
    // At once: a market that is locked or busy delays no other.
    let advances = markets.iter().map(|market| engine.advance(*market));
    for (market, advanced) in markets.iter().zip(join_all(advances).await) {
        match advanced {
            Ok(()) => {}
            Err(EngineError::Stopped) => return Ok(false),
            Err(error) => outcome = Err(format!("market {market}: {error}")),
        }
    }
    outcome
}

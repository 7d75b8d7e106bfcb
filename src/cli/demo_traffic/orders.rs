//! Which order comes next: about half of them rest near the price, and the others match them. Sizes
//! are small against what the users have, so that a long run needs no more money.

use anyhow::Context;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::instance::{Instance, Terms};
use super::participants::Participant;
use crate::market::{Fixed, Side};

/// The largest order is this part of what a user has.
const PARTS: i64 = 1_000;
/// A user must be able to pay so many of the smallest orders.
const MIN_ORDERS: i64 = 50;
const TAKER_SHARE: f64 = 0.5;
/// How far from the price orders rest, in parts of 10,000 of it.
const REST: std::ops::RangeInclusive<i64> = 1..=60;
/// How far beyond the price the others go.
const CROSS: i64 = 200;
const WHOLE: i64 = 10_000;

/// An order to be placed.
#[derive(Clone, Copy, Debug)]
pub struct PlannedOrder {
    /// Its user, by position.
    pub participant: usize,
    pub side: Side,
    pub price: Fixed,
    pub amount: Fixed,
    /// It matches at once or not at all.
    pub is_taker: bool,
}

/// Decides at random, the same for the same seed.
pub struct Planner {
    rng: StdRng,
    tick_size: i64,
    lot_size: i64,
    /// Amounts of each user, in lots.
    lots: Vec<std::ops::RangeInclusive<i64>>,
}

impl Planner {
    /// # Errors
    /// If a user has too little money for the market.
    pub fn new(
        seed: u64,
        instance: &Instance,
        participants: &[Participant],
    ) -> anyhow::Result<Self> {
        let market = &instance.market;
        let lots = participants.iter().map(|participant| {
            lots(market, participant.funds).with_context(|| {
                let Terms { symbol, base, quote, .. } = market;
                format!("user {} has too little {base} or {quote} for {symbol}", participant.id)
            })
        });
        Ok(Self {
            rng: StdRng::seed_from_u64(seed),
            tick_size: market.tick_size.units().max(1),
            lot_size: market.lot_size.units().max(1),
            lots: lots.collect::<anyhow::Result<_>>()?,
        })
    }

    /// The next order, if the price is this one.
    pub fn next(&mut self, price: Fixed) -> PlannedOrder {
        let rng = &mut self.rng;
        let participant = rng.random_range(0..self.lots.len());
        let side = if rng.random_bool(0.5) { Side::Buy } else { Side::Sell };
        let is_taker = rng.random_bool(TAKER_SHARE);
        let beyond = if is_taker { CROSS } else { -rng.random_range(REST) };
        let parts = match side {
            Side::Buy => WHOLE + beyond,
            Side::Sell => WHOLE - beyond,
        };
        let wanted = i128::from(price.units()) * i128::from(parts) / i128::from(WHOLE);
        let ticks = i64::try_from(wanted).unwrap_or(i64::MAX) / self.tick_size;
        let price = Fixed::from_units(ticks.max(1) * self.tick_size);
        let lots = rng.random_range(self.lots[participant].clone());
        let amount = Fixed::from_units(lots * self.lot_size);
        PlannedOrder { participant, side, price, amount, is_taker }
    }
}

/// From the smallest amount that the market accepts to a small part of the funds.
fn lots(market: &Terms, (base, quote): (Fixed, Fixed)) -> Option<std::ops::RangeInclusive<i64>> {
    let lot = i128::from(market.lot_size.units().max(1));
    let price = i128::from(market.price.units()).max(1);
    let one = i128::from(Fixed::ONE.units());
    let affordable = i128::from(base.units()).min(i128::from(quote.units()) * one / price) / lot;
    // At a price that is a tenth lower.
    let least = i128::from(market.min_value.units()) * one * 10 / 9 / price / lot + 1;
    if affordable < least * i128::from(MIN_ORDERS) {
        return None;
    }
    let most = (affordable / i128::from(PARTS)).max(least);
    Some(i64::try_from(least).ok()?..=i64::try_from(most).ok()?)
}

impl PlannedOrder {
    /// The body of the request. An order that meets one of its own user goes on to those of others.
    pub fn body(&self, symbol: &str, client_order_id: &str) -> Value {
        let side = match self.side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        };
        json!({
            "symbol": symbol,
            "side": side,
            "price": self.price.to_string(),
            "amount": self.amount.to_string(),
            "time_in_force": if self.is_taker { "ioc" } else { "gtc" },
            "self_trade_prevention": "cancel_oldest",
            "client_order_id": client_order_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(tick_size: &str, lot_size: &str, min_value: &str) -> Instance {
        let parse = |text| Fixed::parse(text).unwrap();
        let market = Terms {
            symbol: "ETH".to_owned(),
            base: "ETH".to_owned(),
            quote: "USD".to_owned(),
            tick_size: parse(tick_size),
            lot_size: parse(lot_size),
            min_value: parse(min_value),
            price: parse("3000"),
        };
        let (socket_url, channel) = (String::new(), String::new());
        Instance { socket_url, channel, has_faucet: true, market }
    }

    fn participant(base: &str, quote: &str) -> Participant {
        let funds = (Fixed::parse(base).unwrap(), Fixed::parse(quote).unwrap());
        let (token, channel) = (String::new(), String::new());
        let resting = parking_lot::Mutex::default();
        Participant { id: 1, token, channel, is_temporary: true, funds, resting }
    }

    #[test]
    fn orders_fulfil_the_rules_of_the_market() {
        for (tick_size, lot_size, min_value) in
            [("0.00000001", "0.00000001", "0.00000001"), ("0.5", "0.001", "10"), ("1", "0.01", "1")]
        {
            let instance = instance(tick_size, lot_size, min_value);
            let participants = [participant("10", "10000"), participant("20", "90000")];
            let mut planner = Planner::new(1, &instance, &participants).unwrap();
            let Terms { tick_size, lot_size, min_value, price, .. } = instance.market;
            let mut takers = 0;
            for _ in 0..1_000 {
                let order = planner.next(price);
                assert!(order.price.is_multiple_of(tick_size), "{order:?}");
                assert!(order.amount.is_multiple_of(lot_size), "{order:?}");
                let value = order.price.mul_floor(order.amount).unwrap();
                assert!(value >= min_value && order.amount.is_positive(), "{order:?}");
                let is_beyond = match order.side {
                    Side::Buy => order.price > price,
                    Side::Sell => order.price < price,
                };
                assert_eq!(is_beyond, order.is_taker, "{order:?}");
                takers += u32::from(order.is_taker);
            }
            assert!((400..600).contains(&takers), "{takers}");
        }
    }

    #[test]
    fn a_seed_repeats_the_orders() {
        let instance = instance("0.01", "0.001", "1");
        let participants = [participant("10", "10000"), participant("10", "10000")];
        let orders = |seed| {
            let mut planner = Planner::new(seed, &instance, &participants).unwrap();
            let next = |_| format!("{:?}", planner.next(instance.market.price));
            (0..20).map(next).collect::<Vec<_>>()
        };
        assert_eq!(orders(7), orders(7));
        assert_ne!(orders(7), orders(8));
    }

    #[test]
    fn users_with_too_little_money_are_refused() {
        let instance = instance("0.01", "0.001", "10");
        for (base, quote) in [("10", "0"), ("0", "10000"), ("0.1", "10000")] {
            let planner = Planner::new(1, &instance, &[participant(base, quote)]);
            let error = planner.err().unwrap().to_string();
            assert_eq!(error, "user 1 has too little ETH or USD for ETH");
        }
    }
}

//! What a taker does next: mostly small orders at once, on the side to which the price moves, and
//! more often on the side that brings its holdings back to what they were.

use rand::Rng;

use crate::market::{Fixed, Side};

/// The mean size of most orders, in steps.
const MEAN_SIZE: f64 = 25.0;
/// Some orders are larger.
const LARGE_SHARE: f64 = 0.04;
const LARGE_FACTOR: f64 = 8.0;
/// How much more often a taker follows the price than not: 0.15 is 65 % instead of 50 %.
const TREND_WEIGHT: f64 = 0.15;
/// The same for what it holds.
const HOLDING_WEIGHT: f64 = 0.3;
/// A holding that differs by this share of the first one has the whole weight.
const HOLDING_BAND: f64 = 0.1;
/// The worst price is so far from that of the market, as a part of it.
const SLIPPAGE: i64 = 200;

/// An order at once. Prices and sizes are in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    pub side: Side,
    /// The worst price.
    pub limit: i64,
    pub size: i64,
}

/// `held` is what the taker has of the base asset, and `first` what it had in the beginning.
/// `trend` is the direction of the price, from −1 to 1.
pub fn next(
    rng: &mut impl Rng,
    market_price: i64,
    trend: f64,
    held: Fixed,
    first: Fixed,
) -> Intent {
    let (held, first) = (held.units() as f64, first.units().max(1) as f64);
    let lacking = ((1.0 - held / first) / HOLDING_BAND).clamp(-1.0, 1.0);
    let buys = 0.5 + TREND_WEIGHT * trend + HOLDING_WEIGHT * lacking;
    let side = if rng.random_bool(buys.clamp(0.0, 1.0)) { Side::Buy } else { Side::Sell };
    let factor = if rng.random_bool(LARGE_SHARE) { LARGE_FACTOR } else { 1.0 };
    // Exponentially distributed.
    let size = -(1.0 - rng.random::<f64>()).ln() * MEAN_SIZE * factor;
    let slippage = market_price / SLIPPAGE + 1;
    let limit = match side {
        Side::Buy => market_price.saturating_add(slippage),
        Side::Sell => market_price.saturating_sub(slippage),
    };
    Intent { side, limit, size: size.round() as i64 }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn share_of_buys(trend: f64, held: &str) -> f64 {
        let mut rng = StdRng::seed_from_u64(6);
        let (held, first) = (Fixed::parse(held).unwrap(), Fixed::parse("100").unwrap());
        let count = 4_000;
        let intents = (0..count).map(|_| next(&mut rng, 60_000, trend, held, first));
        let buys = intents.filter(|intent| intent.side == Side::Buy).count();
        buys as f64 / f64::from(count)
    }

    #[test]
    fn takers_follow_the_price_and_lean_against_their_holdings() {
        for (trend, held, expected) in [
            (0.0, "100", 0.5),
            (1.0, "100", 0.65),
            (-1.0, "100", 0.35),
            (0.0, "90", 0.8),
            (0.0, "110", 0.2),
            (1.0, "1000", 0.35),
            (0.0, "0", 0.8),
        ] {
            let share = share_of_buys(trend, held);
            assert!((share - expected).abs() < 0.03, "{trend} {held}: {share}");
        }
    }

    #[test]
    fn sizes_are_small_and_limits_near_the_price() {
        let mut rng = StdRng::seed_from_u64(7);
        let first = Fixed::parse("100").unwrap();
        let intents: Vec<Intent> =
            (0..4_000).map(|_| next(&mut rng, 60_000, 0.0, first, first)).collect();
        let mean = intents.iter().map(|intent| intent.size).sum::<i64>() / 4_000;
        assert!((25..40).contains(&mean), "{mean}");
        for Intent { side, limit, size } in intents {
            let expected = if side == Side::Buy { 60_301 } else { 59_699 };
            assert!(limit == expected && (0..3_000).contains(&size), "{limit} {size}");
        }
    }
}

//! The price around which the maker quotes: an Ornstein–Uhlenbeck process. It moves like the price
//! of a liquid asset within minutes and returns to its mean within a day, so it neither runs away
//! nor ever needs more money than the traders have.
//!
//! Floats only choose. What they choose is a whole number of steps, see [`Scale`].

use std::time::Duration;

use rand::Rng;

use super::scale::Scale;
use crate::market::{Fixed, Side};

/// The standard deviation of the price after a second, as a share of it: 3 % after a day without
/// the return to the mean.
const VOLATILITY: f64 = 1e-4;
/// After this time about a third of a deviation is left, in seconds.
const REVERSION_S: f64 = 40_000.0;
/// The farthest from the mean, as a share of it. Far beyond what the process reaches by itself.
const BOUND: f64 = 0.2;

/// The state of the process.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    /// From the mean, as a share of it.
    deviation: f64,
    /// What the last advance has changed, in standard deviations.
    trend: f64,
}

impl Walk {
    /// Begins at the mean.
    pub const fn new() -> Self {
        Self { deviation: 0.0, trend: 0.0 }
    }

    /// Begins at this price, or as close to it as the process goes.
    pub fn from_price(price: Fixed, scale: &Scale) -> Self {
        let (price, base) = (scale.steps_of(price, Side::Buy) as f64, scale.base() as f64);
        Self { deviation: (price / base - 1.0).clamp(-BOUND, BOUND), trend: 0.0 }
    }

    pub fn advance(&mut self, rng: &mut impl Rng, elapsed: Duration) {
        let decay = (-elapsed.as_secs_f64() / REVERSION_S).exp();
        let spread = VOLATILITY * (REVERSION_S / 2.0 * (1.0 - decay * decay)).sqrt();
        self.trend = normal(rng);
        let deviation = self.deviation * decay + spread * self.trend;
        self.deviation = deviation.clamp(-BOUND, BOUND);
    }

    /// The price in steps.
    pub fn price(&self, scale: &Scale) -> i64 {
        let base = scale.base() as f64;
        (base * (1.0 + self.deviation)).round() as i64
    }

    /// The direction of the last advance: from −1 (down) to 1 (up).
    pub fn trend(&self) -> f64 {
        self.trend.clamp(-1.0, 1.0)
    }
}

/// About normally distributed, with the mean 0 and the variance 1: the sum of twelve numbers of
/// which each is uniformly distributed.
fn normal(rng: &mut impl Rng) -> f64 {
    (0..12).map(|_| rng.random_range(-0.5..0.5)).sum()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::market::Rules;

    const DAY_S: u64 = 86_400;

    #[test]
    fn the_price_moves_and_returns_to_its_mean() {
        let scale = Scale::of(&Rules::NONE);
        let mut rng = StdRng::seed_from_u64(1);
        let mut walk = Walk::new();
        let (mut lowest, mut highest, mut sum) = (i64::MAX, 0, 0);
        let days = 60;
        for _ in 0..days * DAY_S / 60 {
            walk.advance(&mut rng, Duration::from_secs(60));
            let price = walk.price(&scale);
            (lowest, highest, sum) = (lowest.min(price), highest.max(price), sum + price);
        }
        let base = scale.base();
        let mean = sum / i64::try_from(days * DAY_S / 60).unwrap();
        assert!((base - mean).abs() < base / 100, "{mean} of {base}");
        assert!((base * 90 / 100..base * 98 / 100).contains(&lowest), "{lowest} of {base}");
        assert!((base * 102 / 100..base * 110 / 100).contains(&highest), "{highest} of {base}");
    }

    #[test]
    fn the_length_of_the_steps_does_not_change_the_process() {
        let spread_after_an_hour = |step_s: u64| {
            let mut rng = StdRng::seed_from_u64(2);
            let squares = (0..400).map(|_| {
                let mut walk = Walk::new();
                for _ in 0..3_600 / step_s {
                    walk.advance(&mut rng, Duration::from_secs(step_s));
                }
                walk.deviation * walk.deviation
            });
            (squares.sum::<f64>() / 400.0).sqrt()
        };
        let (fine, coarse) = (spread_after_an_hour(60), spread_after_an_hour(3_600));
        assert!((fine / coarse - 1.0).abs() < 0.15, "{fine} {coarse}");
    }

    #[test]
    fn a_walk_begins_at_a_price_if_it_is_not_too_far() {
        let scale = Scale::of(&Rules::NONE);
        for (price, expected) in [("3030", "3030"), ("50000", "3600"), ("0.01", "2400")] {
            let walk = Walk::from_price(Fixed::parse(price).unwrap(), &scale);
            assert_eq!(scale.price(walk.price(&scale)).unwrap().to_string(), expected);
        }
    }
}

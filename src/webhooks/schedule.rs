//! When a message, and an endpoint that fails, is tried again.

use std::time::Duration;

use rand::Rng;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The delays after the first, second, … failed attempt of a message, in seconds: as
/// [Standard Webhooks](https://www.standardwebhooks.com) suggests. After the last one, three days
/// after it was written, the message is given up.
const DELAYS: [u64; 10] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    12 * HOUR,
    14 * HOUR,
    14 * HOUR,
    14 * HOUR,
];
/// The first and the longest pause of an endpoint that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * MINUTE);
/// The longest delay that a receiver may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * HOUR);
/// Delays are up to this much longer, so that those of many messages differ.
const JITTER: f64 = 0.1;

/// The delay after this number of failed attempts; `None`: the message is given up. A receiver may
/// ask for a longer one.
pub fn delay_after(attempts: u32, retry_after: Option<Duration>) -> Option<Duration> {
    let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let delay = Duration::from_secs(*DELAYS.get(index)?);
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
    Some(jittered(delay.max(asked)))
}

/// How long nothing is posted to an endpoint after this number of failures in a row.
pub fn pause_after(failures: u32) -> Duration {
    let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
    jittered(FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE))
}

fn jittered(delay: Duration) -> Duration {
    delay.mul_f64(1.0 + rand::rng().random_range(0.0..JITTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_given_up_after_three_days() {
        assert_eq!(delay_after(0, None), None);
        let delays: Vec<Duration> = (1..).map_while(|n| delay_after(n, None)).collect();
        assert_eq!(delays.len(), DELAYS.len());
        let total: Duration = delays.iter().sum();
        let days = total.as_secs_f64() / (24.0 * 3600.0);
        assert!((2.9..3.5).contains(&days), "{days} days");
        assert!(delays[0] >= Duration::from_secs(5) && delays[0] < Duration::from_secs(6));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_delay() {
        let asked = |seconds| delay_after(1, Some(Duration::from_secs(seconds))).unwrap().as_secs();
        assert!((60..=66).contains(&asked(60)));
        assert!((5..=6).contains(&asked(1)));
        assert!(asked(u64::MAX) <= 27 * HOUR);
    }

    #[test]
    fn the_pause_of_an_endpoint_grows_to_its_limit() {
        assert!(pause_after(1) < pause_after(2));
        for failures in [20, u32::MAX] {
            assert!((300..=330).contains(&pause_after(failures).as_secs()));
        }
    }
}

// Aggregates trades into candles. The chart library works with floats; the tables display the exact
// decimals.
import { localSeconds, parseTimestamp } from "./timestamps.js";

const DAY_SECONDS = 86_400;

/** The start of the interval that contains this time. Hours and days are those of local time. */
function intervalStart(seconds, intervalSeconds) {
  // A day with a change to or from daylight-saving time does not have 24 hours.
  if (intervalSeconds === DAY_SECONDS) return new Date(seconds * 1000).setHours(0, 0, 0, 0) / 1000;
  return seconds - (localSeconds(seconds) % intervalSeconds);
}

/**
 * @param trades newest first, as the API returns them
 * @param intervalSeconds the length of a candle
 * @returns candles, oldest first
 */
export function buildCandles(trades, intervalSeconds) {
  const candles = [];
  for (const trade of [...trades].reverse()) {
    const price = Number(trade.price);
    const amount = Number(trade.amount);
    const seconds = Math.floor(parseTimestamp(trade.created_at).getTime() / 1000);
    const time = intervalStart(seconds, intervalSeconds);
    const last = candles.at(-1);
    // The clocks of several server processes may differ slightly; the chart requires ascending
    // times.
    if (last && time <= last.time) {
      last.high = Math.max(last.high, price);
      last.low = Math.min(last.low, price);
      last.close = price;
      last.volume += amount;
    } else {
      candles.push({ time, open: price, high: price, low: price, close: price, volume: amount });
    }
  }
  return candles;
}

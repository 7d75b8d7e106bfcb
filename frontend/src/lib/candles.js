// Aggregates trades, and older candles of the API, into candles. The chart library works with
// floats; the tables display the exact decimals.
import { localSeconds, parseTimestamp } from "./timestamps.js";

const DAY_SECONDS = 86_400;

/** The start of the interval that contains this time. Hours and days are those of local time. */
function intervalStart(seconds, intervalSeconds) {
  // A day with a change to or from daylight-saving time does not have 24 hours.
  if (intervalSeconds === DAY_SECONDS) return new Date(seconds * 1000).setHours(0, 0, 0, 0) / 1000;
  return seconds - (localSeconds(seconds) % intervalSeconds);
}

const secondsOf = (timestamp) => Math.floor(parseTimestamp(timestamp).getTime() / 1000);

function candleOfTrade({ price: text, amount, created_at: createdAt }) {
  const price = Number(text);
  const volume = Number(amount);
  return { time: secondsOf(createdAt), open: price, high: price, low: price, close: price, volume };
}

function candleOfApi({ opened_at: openedAt, open, high, low, close, volume }) {
  const [first, highest, lowest, last] = [open, high, low, close].map(Number);
  return {
    time: secondsOf(openedAt),
    open: first,
    high: highest,
    low: lowest,
    close: last,
    volume: Number(volume),
  };
}

/** The number of the last trade that these candles contain. */
export const lastSequence = (history) => Number(history.at(-1)?.last_sequence ?? 0);

/** Whether there are trades between these candles, or the first trade, and the listed trades. */
export function isIncomplete(trades, history) {
  const oldest = trades.at(-1)?.sequence;
  return oldest !== undefined && Number(oldest) > lastSequence(history) + 1;
}

/**
 * @param trades newest first, as the API returns them
 * @param intervalSeconds the length of a candle
 * @param history candles of the API, of this interval or a shorter one, oldest first. Trades that
 *   they contain are left out.
 * @returns candles, oldest first
 */
export function buildCandles(trades, intervalSeconds, history = []) {
  const known = lastSequence(history);
  const newer = known ? trades.filter(({ sequence }) => Number(sequence) > known) : [...trades];
  const parts = [...history.map(candleOfApi), ...newer.reverse().map(candleOfTrade)];
  const candles = [];
  for (const part of parts) {
    const time = intervalStart(part.time, intervalSeconds);
    const last = candles.at(-1);
    // The clocks of several server processes may differ slightly; the chart requires ascending
    // times.
    if (last && time <= last.time) {
      last.high = Math.max(last.high, part.high);
      last.low = Math.min(last.low, part.low);
      last.close = part.close;
      last.volume += part.volume;
    } else {
      candles.push({ ...part, time });
    }
  }
  return candles;
}

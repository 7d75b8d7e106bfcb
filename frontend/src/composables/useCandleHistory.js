// The candles before the listed trades of the selected market. They are fetched when there are such
// trades, and again when the list has moved on and no longer reaches the last of them.
import { ref, shallowRef, watch } from "vue";
import * as api from "../api.js";
import { isIncomplete } from "../lib/candles.js";

/** What is fetched for a chart of each interval: hours and days of local time need shorter ones. */
const SOURCES = {
  "1m": { interval: "1m", limit: 240 },
  "5m": { interval: "5m", limit: 288 },
  "1h": { interval: "15m", limit: 672 },
  "1d": { interval: "1h", limit: 1_000 },
};
/** After a failure, and if the list grows faster than candles are fetched. */
const RETRY_PAUSE_MS = 10_000;

/**
 * @param symbol a ref of the market
 * @param interval a ref of a key of `SOURCES`
 * @param trades a ref of the listed trades, newest first
 * @returns a ref of the candles, oldest first
 */
export function useCandleHistory(symbol, interval, trades) {
  const history = shallowRef([]);
  const isPausing = ref(false);
  let version = 0;
  let timer;

  async function fetchHistory() {
    const thisVersion = ++version;
    isPausing.value = true;
    const { interval: source, limit } = SOURCES[interval.value];
    // Without them the chart shows the listed trades.
    const fetched = await api.candles(symbol.value, source, limit).catch(() => null);
    if (thisVersion !== version) return;
    if (fetched) history.value = fetched;
    timer = setTimeout(() => (isPausing.value = false), RETRY_PAUSE_MS);
  }

  function reset() {
    version++;
    clearTimeout(timer);
    isPausing.value = false;
    history.value = [];
  }

  watch([symbol, interval], reset, { flush: "sync" });
  watch(
    [symbol, interval, trades, isPausing],
    () => {
      if (!isPausing.value && isIncomplete(trades.value, history.value)) fetchHistory();
    },
    { immediate: true },
  );
  return { history, stop: reset };
}

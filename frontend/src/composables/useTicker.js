// The last 24 hours of the selected market. The ticker is fetched when the market is selected,
// after a reconnect, and from time to time while the page is visible, because old trades leave the
// 24 hours. In between, the page's trades are added to it. A trade that is executed during a fetch
// may be counted twice until the next one.
import { computed, onBeforeUnmount, onMounted, reactive, ref, watch } from "vue";
import * as api from "../api.js";
import { usePusher } from "./usePusher.js";
import { useTrading } from "./useTrading.js";
import { addTrades, tradesAfter } from "../lib/ticker.js";
import { whenVisible } from "../lib/whenVisible.js";

const REFRESH_INTERVAL_MS = 300_000;

/** @returns a resource, as those of `useTrading` */
export function useTicker() {
  const { data, symbol } = useTrading();
  const { onMarketLive, unsubscribe } = usePusher();
  const fetched = reactive({ data: null, error: null });
  /** The newest trade that the ticker contains. */
  const lastId = ref(null);
  const isBaselineKnown = ref(false);
  let version = 0;
  let timer;
  let stopWaiting = () => {};

  function setBaseline() {
    if (!fetched.data || !data.trades.data) return;
    lastId.value = data.trades.data[0]?.id ?? null;
    isBaselineKnown.value = true;
  }

  async function fetchTicker() {
    const thisVersion = ++version;
    clearTimeout(timer);
    stopWaiting();
    const result = await api.ticker(symbol.value).then(
      (ticker) => ({ data: ticker, error: null }),
      (error) => ({ data: fetched.data, error }),
    );
    if (thisVersion !== version) return;
    Object.assign(fetched, result);
    if (!result.error) setBaseline();
    timer = setTimeout(() => (stopWaiting = whenVisible(fetchTicker)), REFRESH_INTERVAL_MS);
  }

  function start() {
    Object.assign(fetched, { data: null, error: null });
    isBaselineKnown.value = false;
    return fetchTicker();
  }

  watch(symbol, start);
  watch(
    () => data.trades.data,
    () => isBaselineKnown.value || setBaseline(),
  );
  onMounted(() => {
    start();
    onMarketLive(fetchTicker);
  });
  onBeforeUnmount(() => {
    version++;
    clearTimeout(timer);
    stopWaiting();
    unsubscribe(fetchTicker);
  });

  const ticker = computed(() => {
    if (!fetched.data || !isBaselineKnown.value) return fetched.data;
    return addTrades(fetched.data, tradesAfter(data.trades.data ?? [], lastId.value));
  });
  return { ticker, error: computed(() => fetched.error), refresh: fetchTicker };
}

// Keeps the trades and the order book of the selected market up to date, as far as the server
// publishes market events.
//
// Market events have sequence numbers. A missing trade causes a fetch of the whole list; a missing
// snapshot of the book does not matter, because the next one replaces it.
import { computed, onBeforeUnmount, onMounted, watch } from "vue";
import { usePusher } from "./usePusher.js";
import { useSettings } from "./useSettings.js";
import { useTrading } from "./useTrading.js";
import { bookFromEvent } from "../lib/book.js";
import { GAP, STALE, createSequenceTracker } from "../lib/sequence.js";
import { tradeFromEvent } from "../lib/trades.js";

/** Subscribes to the selected market while the calling component is mounted. */
export function useMarketEvents() {
  const { isEventEnabled } = useSettings();
  const { symbol, addLiveTrade, applyBookSnapshot, fetchMarket, refreshTrades } = useTrading();
  const { subscribeToMarket, listenTo, onMarketLive, unsubscribe } = usePusher();
  const trades = createSequenceTracker();
  const books = createSequenceTracker();
  const hasMarketEvents = computed(
    () => isEventEnabled("trade.executed") || isEventEnabled("book.updated"),
  );
  const market = computed(() => (hasMarketEvents.value ? symbol.value : null));

  function onTrade(event) {
    const result = trades.classify(event.sequence);
    if (result !== STALE) addLiveTrade(tradeFromEvent(event));
    if (result === GAP) refreshTrades();
  }
  function onBook(event) {
    if (books.classify(event.sequence) !== STALE) applyBookSnapshot(bookFromEvent(event));
  }
  // Events that were published before the subscription are lost, so the data is fetched and the
  // sequences start again.
  function onLive() {
    trades.reset();
    books.reset();
    fetchMarket();
  }

  onMounted(() => {
    listenTo("trade.executed", onTrade);
    listenTo("book.updated", onBook);
    onMarketLive(onLive);
    watch(market, subscribeToMarket, { immediate: true });
  });
  onBeforeUnmount(() => {
    [onTrade, onBook, onLive].forEach(unsubscribe);
    subscribeToMarket(null);
  });
}

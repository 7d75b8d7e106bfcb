// The chosen market, live: its trades and its book, as far as the server tells them.
//
// Events of a market are numbered. A trade that has not come is fetched with all others; a snapshot
// that has not come is made good by the next one.
import { computed, onBeforeUnmount, onMounted, watch } from "vue";
import { usePusher } from "./usePusher.js";
import { useSettings } from "./useSettings.js";
import { useTrading } from "./useTrading.js";
import { bookOf } from "../lib/book.js";
import { GAP, OLD, newSequence } from "../lib/sequence.js";
import { tradeOf } from "../lib/trades.js";

/** While the component that calls it is mounted, the market is followed. */
export function useMarketEvents() {
  const { isTold } = useSettings();
  const { symbol, addTrade, showBook, fetchMarket, refreshTrades } = useTrading();
  const { hearMarket, listenTo, onMarketLive, unsubscribe } = usePusher();
  const trades = newSequence();
  const books = newSequence();
  const isTheMarketTold = computed(() => isTold("trade.executed") || isTold("book.updated"));
  const market = computed(() => (isTheMarketTold.value ? symbol.value : null));

  function onTrade(event) {
    const place = trades.place(event.sequence);
    if (place !== OLD) addTrade(tradeOf(event));
    if (place === GAP) refreshTrades();
  }
  function onBook(event) {
    if (books.place(event.sequence) !== OLD) showBook(bookOf(event));
  }
  // What came before is not told, and how far the numbers have come is not known.
  function onLive() {
    trades.reset();
    books.reset();
    fetchMarket();
  }

  onMounted(() => {
    listenTo("trade.executed", onTrade);
    listenTo("book.updated", onBook);
    onMarketLive(onLive);
    watch(market, hearMarket, { immediate: true });
  });
  onBeforeUnmount(() => {
    [onTrade, onBook, onLive].forEach(unsubscribe);
    hearMarket(null);
  });
}

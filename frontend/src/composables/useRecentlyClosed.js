// The orders that were closed while the page was looking. A list of open orders keeps them for some
// seconds, so that the user sees what became of them and no row moves under the pointer at once.
import { onBeforeUnmount, readonly, ref, watch } from "vue";
import { ORDER_OPEN } from "../lib/labels.js";

const DURATION_MS = 10_000;

/**
 * @param orders a getter of the user's orders; `null` until they are loaded
 * @returns the ids of these orders
 */
export function useRecentlyClosed(orders) {
  const ids = ref(new Set());
  const timers = new Set();
  let knownClosed = null;

  function keep(id) {
    ids.value = new Set([...ids.value, id]);
    const timer = setTimeout(() => {
      timers.delete(timer);
      ids.value = new Set([...ids.value].filter((one) => one !== id));
    }, DURATION_MS);
    timers.add(timer);
  }

  watch(
    orders,
    (current) => {
      if (!current) return (knownClosed = null);
      const closed = current.filter(({ status }) => status !== ORDER_OPEN).map(({ id }) => id);
      // The first list contains what was closed before.
      if (knownClosed) closed.filter((id) => !knownClosed.has(id)).forEach(keep);
      knownClosed = new Set(closed);
    },
    { immediate: true },
  );
  onBeforeUnmount(() => timers.forEach(clearTimeout));
  return readonly(ids);
}

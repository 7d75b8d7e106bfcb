// Asks the server what an order would do, a moment after it was last changed.
import { onScopeDispose, ref, watch } from "vue";
import * as api from "../api.js";

const DELAY_MS = 300;

/**
 * @param order the request, or `null` while it is incomplete; a ref
 * @returns the server's preview of the current order; `null` while there is none
 */
export function useOrderPreview(order) {
  const preview = ref(null);
  let timer;
  let latest = 0;

  async function load(request, number) {
    try {
      const loaded = await api.previewOrder(request);
      if (number === latest) preview.value = loaded;
    } catch {
      // A preview is an aid. The order itself reports its errors.
    }
  }

  watch(
    () => JSON.stringify(order.value),
    () => {
      clearTimeout(timer);
      preview.value = null;
      latest += 1;
      const [request, number] = [order.value, latest];
      if (request) timer = setTimeout(() => load(request, number), DELAY_MS);
    },
    { immediate: true },
  );
  onScopeDispose(() => {
    clearTimeout(timer);
    latest += 1;
  });

  return preview;
}

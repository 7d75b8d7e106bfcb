// Short notifications that disappear after a few seconds.
import { reactive, readonly } from "vue";

const DURATION_MS = 8_000;
const MAX_TOASTS = 4;

const toasts = reactive([]);
let lastId = 0;

export function dismiss(id) {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

/** `kind` is "buy", "sell", "info" or "error". */
export function showToast(kind, title, text = "") {
  const id = ++lastId;
  toasts.push({ id, kind, title, text });
  if (toasts.length > MAX_TOASTS) toasts.shift();
  setTimeout(() => dismiss(id), DURATION_MS);
}

export function useToasts() {
  return { toasts: readonly(toasts), showToast, dismiss };
}

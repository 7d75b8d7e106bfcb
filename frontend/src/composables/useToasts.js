// Short notifications that disappear after a few seconds, but not while they have the focus.
import { reactive, readonly } from "vue";

const DURATION_MS = 8_000;
const MAX_TOASTS = 4;
/** How often an overdue notice tries again. */
const HOLD_MS = 1_000;

const toasts = reactive([]);
let lastId = 0;
let isHeld = false;

/** While one of the notices has the focus, none disappears by itself. */
function hold(value) {
  isHeld = value;
}
function expire(id) {
  if (isHeld) setTimeout(() => expire(id), HOLD_MS);
  else dismiss(id);
}

export function dismiss(id) {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

/** `kind` is "buy", "sell", "info" or "error". */
export function showToast(kind, title, text = "") {
  const id = ++lastId;
  toasts.push({ id, kind, title, text });
  if (toasts.length > MAX_TOASTS) toasts.shift();
  setTimeout(() => expire(id), DURATION_MS);
}

export function useToasts() {
  return { toasts: readonly(toasts), showToast, dismiss, hold };
}

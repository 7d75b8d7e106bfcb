// Short messages that go by themselves.
import { reactive, readonly } from "vue";

const SHOWN_MS = 8_000;
const MOST = 4;

const toasts = reactive([]);
let lastId = 0;

export function dismiss(id) {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}

/** `kind` is "buy", "sell", "info" or "error". */
export function toast(kind, title, text = "") {
  const id = ++lastId;
  toasts.push({ id, kind, title, text });
  if (toasts.length > MOST) toasts.shift();
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function useToasts() {
  return { toasts: readonly(toasts), toast, dismiss };
}

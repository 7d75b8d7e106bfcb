// "Show me that order": from a row of the history to the row of the order or trade it is about.
import { nextTick, readonly, ref } from "vue";

const LIT_MS = 2_500;

/** `{kind: "Order" | "Trade", id}` */
const target = ref(null);
let timer;

function show(kind, id) {
  clearTimeout(timer);
  target.value = { kind, id };
  timer = setTimeout(() => (target.value = null), LIT_MS);
}

/** Brings the row into view, once it is rendered, and moves the keyboard there. */
async function reveal(kind, id) {
  await nextTick();
  const row = document.getElementById(`${kind.toLowerCase()}-${id}`);
  row?.scrollIntoView({ block: "center", behavior: "smooth" });
  row?.focus({ preventScroll: true });
}

export function useHighlight() {
  return { target: readonly(target), show, reveal };
}

// Scrolls to and highlights the order or trade that an entry of the balance history refers to.
import { nextTick, readonly, ref } from "vue";

const DURATION_MS = 2_500;

/** `{kind: "Order" | "Trade", id}` */
const target = ref(null);
let timer;

function highlight(kind, id) {
  clearTimeout(timer);
  target.value = { kind, id };
  timer = setTimeout(() => (target.value = null), DURATION_MS);
}

/** Scrolls to the row once it is rendered, and moves the keyboard focus to it. */
async function scrollToRow(kind, id) {
  await nextTick();
  const row = document.getElementById(`${kind.toLowerCase()}-${id}`);
  row?.scrollIntoView({ block: "center", behavior: "smooth" });
  row?.focus({ preventScroll: true });
}

export function useHighlight() {
  return { target: readonly(target), highlight, scrollToRow };
}

// Keyboard shortcuts while a component is mounted. While a dialog is open there are none.
import { onBeforeUnmount, onMounted } from "vue";
import { shortcutOf } from "../lib/shortcuts.js";

/** @param actions functions by shortcut, such as `{ b: () => … }` */
export function useShortcuts(actions) {
  function onKeyDown(event) {
    if (document.querySelector("dialog[open]")) return;
    const action = actions[shortcutOf(event)];
    if (!action) return;
    // The key must not be typed into the field that gets the focus. Escape closes menus too.
    if (event.key !== "Escape") event.preventDefault();
    action(event);
  }
  onMounted(() => document.addEventListener("keydown", onKeyDown));
  onBeforeUnmount(() => document.removeEventListener("keydown", onKeyDown));
}

// Which key presses are shortcuts of the page, and which belong to a field.

/** All shortcuts, as the help sheet lists them. */
export const SHORTCUTS = [
  { key: "b", label: "Buy: go to the order form", pages: "Dashboard" },
  { key: "s", label: "Sell: go to the order form", pages: "Dashboard" },
  { key: "/", label: "Go to the markets, or to the filter of the debug console", pages: "" },
  { key: "Esc", label: "Leave a field, close a menu or this sheet", pages: "" },
  { key: "?", label: "Show this sheet", pages: "" },
];

const TYPING = "textarea, select, [contenteditable=''], [contenteditable=true]";
const NO_TEXT = ["radio", "checkbox", "button", "submit", "reset", "range", "color", "file"];

/** Whether keys that are pressed here are input of a field. */
export function isTyping(element) {
  if (!(element instanceof Element)) return false;
  if (element.matches("input")) return !NO_TEXT.includes(element.type);
  return element.matches(TYPING);
}

/** The shortcut of a key press, such as "b", or `null`. */
export function shortcutOf(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.isComposing) return null;
  if (event.key === "Escape") return "Esc";
  if (event.repeat || isTyping(event.target)) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return SHORTCUTS.some((shortcut) => shortcut.key === key) ? key : null;
}

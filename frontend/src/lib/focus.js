// Where the keyboard focus goes when what had it disappears or is disabled, so that nobody has to
// begin at the top of the page.
import { nextTick } from "vue";

const SURROUNDINGS = "[role=tabpanel], section[aria-labelledby], main";

function isLost() {
  const { activeElement: element, body } = document;
  return !element || element === body || element.disabled === true;
}

/** Focuses an element that users do not reach with the Tab key. */
export function focusElement(element) {
  if (!element) return;
  if (!element.hasAttribute("tabindex")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}

/** Focuses the tab panel, section or page around an element, if nothing has the focus. */
export function focusAround(element) {
  if (isLost()) focusElement(element?.closest(SURROUNDINGS));
}

/** For an element that is about to disappear: if it has the focus, what is around it gets it. */
export async function passFocusOn(element) {
  if (!element?.contains(document.activeElement)) return;
  const surroundings = element.parentElement?.closest(SURROUNDINGS);
  await nextTick();
  if (isLost()) focusElement(surroundings);
}

/** Focuses the first field of a form that has an error, once it is rendered. */
export async function focusFirstInvalid(form) {
  await nextTick();
  form?.querySelector("[aria-invalid=true]")?.focus();
}

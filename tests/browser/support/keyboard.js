// A user without a mouse: keys only, and what has the focus after them.
import assert from "node:assert/strict";
import { waitUntil } from "../../clients/support/waitUntil.js";

const MAX_STEPS = 90;

// In the page: why the element with the focus cannot be seen, or "".
function hiddenFocus() {
  const { activeElement: element } = document;
  if (!element || element === document.body) return "";
  // Its label is clicked in its place.
  const shown = element.matches("[type=radio], [type=checkbox]")
    ? element.closest("label")
    : element;
  const box = shown.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height, innerHeight) / 2];
  const onTop = document.elementFromPoint(x, y);
  const isVisible = onTop && (shown.contains(onTop) || onTop.contains(shown));
  return isVisible ? "" : `${shown.outerHTML.slice(0, 200)} at ${x}, ${y}`;
}

export class Keyboard {
  #session;

  constructor({ page }) {
    this.page = page;
    this.#session = page.context().newCDPSession(page);
  }

  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }
  async type(text) {
    await this.page.keyboard.type(text);
  }

  // What has the focus, such as `button "Cancel order #1"`.
  async focused() {
    const { ignored, role, name } = await this.#node();
    if (ignored || ["none", "generic", "RootWebArea"].includes(role?.value)) return "nothing";
    return `${role.value} "${name?.value ?? ""}"`;
  }

  // What is read after the name, such as an error.
  async description() {
    return (await this.#node()).description?.value ?? "";
  }

  // Of the accessibility tree.
  async #node() {
    const session = await this.#session;
    const { result } = await session.send("Runtime.evaluate", {
      expression: "document.activeElement ?? document.body",
    });
    const { nodes } = await session.send("Accessibility.getPartialAXTree", {
      objectId: result.objectId,
      fetchRelatives: false,
    });
    return nodes[0];
  }

  // Waits until this has the focus: a text or a pattern.
  async waitFor(expected) {
    let actual;
    const isThere = async () => {
      actual = await this.focused();
      return matches(actual, expected);
    };
    await waitUntil("the focus moves", isThere).catch(() => {
      assert.fail(`the focus is on ${actual} instead of ${expected}`);
    });
  }

  // Presses Tab until this has the focus, and returns what had it on the way. Fails if any of it
  // cannot be seen.
  async tabTo(expected, key = "Tab") {
    const passed = [];
    while (passed.length < MAX_STEPS) {
      await this.press(key);
      await this.assertVisible();
      const actual = await this.focused();
      if (matches(actual, expected)) return passed;
      passed.push(actual);
    }
    return assert.fail(`${expected} is not reached with ${key}: ${passed.join("; ")}`);
  }

  async assertVisible() {
    const hidden = await this.page.evaluate(hiddenFocus);
    assert.equal(hidden, "", "what has the focus is hidden");
  }
}

const matches = (actual, expected) =>
  expected instanceof RegExp ? expected.test(actual) : actual === expected;

// Parts of the page whose state changes with time.
import { createApp, nextTick, ref } from "vue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useCountdown } from "../src/composables/useCountdown.js";
import { useRecentlyClosed } from "../src/composables/useRecentlyClosed.js";

const OPEN = "1";
const FILLED = "2";
let app;

/** Calls a composable in a mounted component, and returns its result. */
function mounted(composable) {
  let result;
  const setup = () => {
    result = composable();
    return () => null;
  };
  app = createApp({ setup });
  app.mount(document.createElement("div"));
  return result;
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  app?.unmount();
  vi.useRealTimers();
});

describe("a countdown", () => {
  it("shows the seconds until the moment, and starts again with another one", async () => {
    const moment = ref(Date.now() + 3_000);
    const seconds = mounted(() => useCountdown(() => moment.value));
    expect(seconds.value).toBe(3);
    vi.advanceTimersByTime(1_500);
    expect(seconds.value).toBe(2);
    vi.advanceTimersByTime(5_000);
    expect(seconds.value).toBe(0);
    moment.value = Date.now() + 6_000;
    await nextTick();
    expect(seconds.value).toBe(6);
    moment.value = null;
    await nextTick();
    expect(seconds.value).toBe(0);
  });
});

describe("an order that was closed", () => {
  const orders = ref(null);
  const order = (id, status) => ({ id, status });

  it("is kept for some seconds if the page has seen it", async () => {
    orders.value = [order("1", OPEN), order("2", FILLED)];
    const ids = mounted(() => useRecentlyClosed(() => orders.value));
    expect([...ids.value]).toEqual([]);
    // The last one was filled when it was placed.
    orders.value = [order("1", FILLED), order("2", FILLED), order("3", FILLED)];
    await nextTick();
    expect([...ids.value]).toEqual(["1", "3"]);
    vi.advanceTimersByTime(9_000);
    expect(ids.value.size).toBe(2);
    vi.advanceTimersByTime(1_000);
    expect(ids.value.size).toBe(0);
  });
});

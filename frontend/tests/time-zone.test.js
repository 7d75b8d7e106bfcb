// The chart and the lists show the same times in a time zone with daylight-saving time. The chart
// is drawn by the real library; its canvas records the texts.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildCandles } from "../src/lib/candles.js";
import { createPriceChart } from "../src/lib/chart.js";
import { formatTime, utcFromLocal } from "../src/lib/timestamps.js";

// New York is five hours behind UTC in winter and four in summer. In 2026 it changes on March 8 at
// 07:00 UTC and on November 1 at 06:00 UTC.
vi.hoisted(() => vi.stubEnv("TZ", "America/New_York"));

const SIZE = { width: 800, height: 400 };
let texts;
let element;

class FakeContext {
  constructor(canvas) {
    const methods = {
      canvas,
      measureText: ({ length }) => ({ width: length * 6, actualBoundingBoxAscent: 8 }),
      fillText: (text) => texts.push(text),
    };
    const get = (target, name) => (name in target ? target[name] : () => {});
    return new Proxy(methods, { get });
  }
}

/** Reports the size once, because jsdom has no layout. */
class FakeResizeObserver {
  constructor(callback) {
    this.callback = callback;
  }
  observe(target) {
    this.callback([
      {
        target,
        contentRect: SIZE,
        contentBoxSize: [{ inlineSize: SIZE.width, blockSize: SIZE.height }],
      },
    ]);
  }
  unobserve() {}
  disconnect() {}
}

beforeEach(() => {
  texts = [];
  element = document.body.appendChild(document.createElement("div"));
  element.getBoundingClientRect = () => ({ ...SIZE, left: 0, top: 0 });
  const contexts = new WeakMap();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockImplementation(function () {
    if (!contexts.has(this)) contexts.set(this, new FakeContext(this));
    return contexts.get(this);
  });
  vi.stubGlobal("ResizeObserver", FakeResizeObserver);
  const query = { matches: false, addEventListener() {}, removeEventListener() {} };
  vi.stubGlobal("matchMedia", () => ({ ...query, addListener() {}, removeListener() {} }));
});
afterEach(() => {
  element.remove();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const tradesAt = (...times) =>
  times.map((time) => ({ created_at: time, price: "50000", amount: "1" })).reverse();
const secondsOf = (time) => Date.parse(time) / 1000;
const startsOf = (interval, ...times) =>
  buildCandles(tradesAt(...times), interval).map(({ time }) => time);

/** The label on the time axis of a candle with a trade at this time, next to an earlier one. */
async function axisLabel(time) {
  const chart = createPriceChart(element);
  const earlier = new Date((secondsOf(time) - 60) * 1000).toISOString();
  texts.length = 0;
  chart.setCandles(buildCandles(tradesAt(earlier, time), 60), 0);
  // The library draws in an animation frame. Labels of the price axis have a comma: 50,000.
  const labels = () => texts.filter((text) => !text.includes(","));
  await vi.waitFor(() => expect(labels()).not.toEqual([]), 30_000);
  chart.remove();
  return labels()[0];
}

describe("the time axis", () => {
  const withoutSeconds = (text) => text.replace(/:\d\d(?=\s)/, "");

  it.each([
    ["2026-03-08T06:55:00Z", "1:55 AM"],
    ["2026-03-08T07:00:00Z", "3:00 AM"],
    ["2026-03-08T14:00:00Z", "10:00 AM"],
    ["2026-07-01T14:00:00Z", "10:00 AM"],
    ["2026-11-01T05:30:00Z", "1:30 AM"],
    ["2026-11-01T06:30:00Z", "1:30 AM"],
    ["2026-12-01T14:00:00Z", "9:00 AM"],
  ])("shows the time of the lists: %s", async (time, expected) => {
    const label = (await axisLabel(time)).replaceAll("\u202f", " ");
    expect(label).toBe(expected);
    expect(withoutSeconds(formatTime(time).replaceAll("\u202f", " "))).toBe(expected);
  });

  it.each([
    ["2026-03-08T05:00:00Z", "8"],
    ["2026-03-09T04:00:00Z", "9"],
    ["2026-11-02T05:00:00Z", "2"],
    ["2026-12-01T05:00:00Z", "Dec"],
    ["2026-01-01T05:00:00Z", "2026"],
  ])("shows the date at local midnight: %s", async (time, expected) => {
    expect(await axisLabel(time)).toBe(expected);
  });
});

describe("candles", () => {
  it("of a day begin at local midnight", () => {
    const trades = ["2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T03:59:59Z"];
    const starts = ["2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z"].map(secondsOf);
    expect(startsOf(86_400, ...trades)).toEqual(starts);
  });

  it("of an hour keep the repeated hour apart", () => {
    const trades = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:10:00Z"];
    const starts = ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"];
    expect(startsOf(3_600, ...trades)).toEqual(starts.map(secondsOf));
  });
});

describe("a local time that the user enters", () => {
  it.each([
    ["2026-01-31T12:00", "2026-01-31T17:00:00.000Z"],
    ["2026-07-01T12:00:30", "2026-07-01T16:00:30.000Z"],
    ["", null],
  ])("is converted to UTC: %s", (local, utc) => {
    expect(utcFromLocal(local)).toBe(utc);
  });
});

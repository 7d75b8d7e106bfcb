import { beforeEach, describe, expect, it, vi } from "vitest";
import * as api from "../src/api.js";
import { useRepeatableOrder } from "../src/composables/useRepeatableOrder.js";

vi.mock("../src/api.js");

const ORDER = { symbol: "BTC", side: "buy", price: "10", amount: "1" };
const PLACED = { order: { id: "1" }, trades: [] };
const failure = (error) => Object.assign(new Error("Cannot reach the server."), error);
const sentKeys = () => api.placeOrder.mock.calls.map(([, key]) => key);

describe("an order whose response was lost", () => {
  beforeEach(() => vi.resetAllMocks());

  it("is repeated with the same key, and the user is told so", async () => {
    const { place } = useRepeatableOrder();
    for (const error of [{ status: 0 }, { status: 503, code: "outcome_unknown" }]) {
      api.placeOrder.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    api.placeOrder.mockResolvedValueOnce(PLACED);
    expect(await place(ORDER)).toEqual(PLACED);
    const [first, second, third] = sentKeys();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([second, third]).toEqual([first, first]);
  });

  it("keeps its key when a repetition is refused: the first may still be executed", async () => {
    const { place } = useRepeatableOrder();
    for (const error of [{ status: 0 }, { status: 503, code: "unavailable" }]) {
      api.placeOrder.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    api.placeOrder.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    expect(new Set(sentKeys()).size).toBe(1);
  });

  it("is still without a response while an earlier request is being executed", async () => {
    const { place } = useRepeatableOrder();
    const inFlight = { status: 409, code: "idempotency_key_in_flight" };
    for (const error of [{ status: 0 }, inFlight, { status: 429 }]) {
      api.placeOrder.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    expect(new Set(sentKeys()).size).toBe(1);
  });

  it("is over once the server has looked at it", async () => {
    const { place } = useRepeatableOrder();
    api.placeOrder.mockRejectedValueOnce(failure({ status: 0 }));
    await expect(place(ORDER)).rejects.toThrow(/only once/);
    const rejection = { status: 400, code: "insufficient_funds" };
    api.placeOrder.mockRejectedValueOnce(failure(rejection));
    await expect(place(ORDER)).rejects.toThrow(/^Cannot reach the server\.$/);
    api.placeOrder.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    const [first, second, third] = sentKeys();
    expect([second, third === first]).toEqual([first, false]);
  });

  it("is not another order, nor one that was refused or placed", async () => {
    const { place } = useRepeatableOrder();
    api.placeOrder.mockRejectedValueOnce(failure({ status: 0 }));
    await expect(place(ORDER)).rejects.toThrow();
    api.placeOrder.mockRejectedValueOnce(failure({ status: 400, code: "insufficient_funds" }));
    await expect(place({ ...ORDER, amount: "2" })).rejects.toThrow(/^Cannot reach the server\.$/);
    api.placeOrder.mockResolvedValue(PLACED);
    await place({ ...ORDER, amount: "2" });
    await place({ ...ORDER, amount: "2" });
    expect(new Set(sentKeys()).size).toBe(4);
  });
});

import { beforeEach, describe, expect, it, vi } from "vitest";
import * as api from "../src/api.js";
import { useRepeatableOrder } from "../src/composables/useRepeatableOrder.js";

vi.mock("../src/api.js");

const ORDER = { symbol: "BTC", side: "buy", price: "10", amount: "1" };
const PLACED = { order: { id: "1" }, trades: [] };
const failure = (error) => Object.assign(new Error("Cannot reach the server."), error);
const sentIds = () => api.placeOrder.mock.calls.map(([order]) => order.client_order_id);

describe("an order whose response was lost", () => {
  beforeEach(() => vi.resetAllMocks());

  it("is repeated under the same name, and the user is told so", async () => {
    const { place } = useRepeatableOrder();
    for (const error of [{ status: 0 }, { status: 503, code: "outcome_unknown" }]) {
      api.placeOrder.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    api.placeOrder.mockResolvedValueOnce(PLACED);
    expect(await place(ORDER)).toEqual(PLACED);
    const [first, second, third] = sentIds();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([second, third]).toEqual([first, first]);
  });

  it("keeps its name when a repetition is refused: the first may still be executed", async () => {
    const { place } = useRepeatableOrder();
    for (const error of [{ status: 0 }, { status: 503, code: "unavailable" }]) {
      api.placeOrder.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    api.placeOrder.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    expect(new Set(sentIds()).size).toBe(1);
  });

  it("is read if it was executed", async () => {
    const { place } = useRepeatableOrder();
    api.placeOrder.mockRejectedValueOnce(failure({ status: 0 }));
    await expect(place(ORDER)).rejects.toThrow();
    api.placeOrder.mockRejectedValueOnce(failure({ status: 409, code: "client_order_id_taken" }));
    api.orderByClientId.mockResolvedValueOnce({ order: PLACED.order });
    expect(await place(ORDER)).toEqual(PLACED);
    expect(api.orderByClientId).toHaveBeenCalledWith(sentIds()[0]);
    api.placeOrder.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    expect(new Set(sentIds()).size).toBe(2);
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
    expect(new Set(sentIds()).size).toBe(4);
  });
});

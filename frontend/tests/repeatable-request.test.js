import { beforeEach, describe, expect, it, vi } from "vitest";
import { useRepeatableRequest } from "../src/composables/useRepeatableRequest.js";

const ORDER = { symbol: "BTC", side: "buy", price: "10", amount: "1" };
const ADVICE = "It is executed only once.";
const PLACED = { order: { id: "1" }, trades: [] };
const failure = (error) => Object.assign(new Error("Cannot reach the server."), error);
const send = vi.fn();
const sentKeys = () => send.mock.calls.map(([, key]) => key);

describe("a request whose response was lost", () => {
  beforeEach(() => vi.resetAllMocks());

  it("is repeated with the same key, and the user is told so", async () => {
    const place = useRepeatableRequest(send, ADVICE);
    for (const error of [{ status: 0 }, { status: 503, code: "outcome_unknown" }]) {
      send.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    send.mockResolvedValueOnce(PLACED);
    expect(await place(ORDER)).toEqual(PLACED);
    const [first, second, third] = sentKeys();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect([second, third]).toEqual([first, first]);
  });

  it("keeps its key when a repetition is refused: the first may still be executed", async () => {
    const place = useRepeatableRequest(send, ADVICE);
    for (const error of [{ status: 0 }, { status: 503, code: "unavailable" }]) {
      send.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    send.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    expect(new Set(sentKeys()).size).toBe(1);
  });

  it("is still without a response while an earlier request is being executed", async () => {
    const place = useRepeatableRequest(send, ADVICE);
    const inFlight = { status: 409, code: "idempotency_key_in_flight" };
    for (const error of [{ status: 0 }, inFlight, { status: 429 }]) {
      send.mockRejectedValueOnce(failure(error));
      await expect(place(ORDER)).rejects.toThrow(/only once/);
    }
    expect(new Set(sentKeys()).size).toBe(1);
  });

  it("is over once the server has looked at it", async () => {
    const place = useRepeatableRequest(send, ADVICE);
    send.mockRejectedValueOnce(failure({ status: 0 }));
    await expect(place(ORDER)).rejects.toThrow(/only once/);
    const rejection = { status: 400, code: "insufficient_funds" };
    send.mockRejectedValueOnce(failure(rejection));
    await expect(place(ORDER)).rejects.toThrow(/^Cannot reach the server\.$/);
    send.mockResolvedValueOnce(PLACED);
    await place(ORDER);
    const [first, second, third] = sentKeys();
    expect([second, third === first]).toEqual([first, false]);
  });

  it("is not another request, nor one that was refused or executed", async () => {
    const place = useRepeatableRequest(send, ADVICE);
    send.mockRejectedValueOnce(failure({ status: 0 }));
    await expect(place(ORDER)).rejects.toThrow();
    send.mockRejectedValueOnce(failure({ status: 400, code: "insufficient_funds" }));
    await expect(place({ ...ORDER, amount: "2" })).rejects.toThrow(/^Cannot reach the server\.$/);
    send.mockResolvedValue(PLACED);
    await place({ ...ORDER, amount: "2" });
    await place({ ...ORDER, amount: "2" });
    expect(new Set(sentKeys()).size).toBe(4);
  });
});

import { beforeEach, describe, expect, it, vi } from "vitest";

describe("a trade toast", () => {
  // More digits than a float can represent.
  const price = "12345678901.12345678";
  const trade = { id: "7", symbol: "ETH", price, amount: "0.1", buyer_id: "1", seller_id: "2" };
  const event = {
    trade_id: 7,
    symbol: "ETH",
    price: Number(price),
    amount: 0.1,
    buyer_id: 1,
    seller_id: 2,
  };
  let trades;
  let toasts;
  let onOrderMatched;

  beforeEach(async () => {
    vi.resetModules();
    trades = vi.fn(async (symbol) => (symbol === "ETH" ? [trade] : []));
    const emptyList = async () => [];
    vi.doMock("../src/api.js", () => ({
      profile: async () => ({ balance: "1", locked_balance: "0", asset_balances: [] }),
      orders: emptyList,
      history: emptyList,
      book: async () => ({ asks: [], bids: [] }),
      trades,
    }));
    vi.doMock("../src/composables/useAuth.js", () => ({
      useAuth: () => ({ user: { value: { id: "1" } } }),
    }));
    toasts = (await import("../src/composables/useToasts.js")).useToasts().toasts;
    const { useTradeToasts } = await import("../src/composables/useTradeToasts.js");
    onOrderMatched = useTradeToasts();
  });

  it("shows the exact decimals of a trade in a market that is not selected", async () => {
    await onOrderMatched(event);
    expect(trades).toHaveBeenCalledWith("BTC");
    expect(toasts).toHaveLength(1);
    expect(toasts[0]).toMatchObject({ kind: "buy", title: "Bought 0.1 ETH" });
    expect(toasts[0].text).toContain("12,345,678,901.12345678 USD, trade #7");
  });

  it("is shown with the event's numbers if the trade cannot be fetched", async () => {
    trades.mockImplementation(async () => Promise.reject(new Error("unavailable")));
    await onOrderMatched(event);
    expect(toasts[0].title).toBe("Bought 0.1 ETH");
  });
});

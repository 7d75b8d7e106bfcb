// The commission of the selected market.
import { computed } from "vue";
import * as api from "../api.js";
import { formatDecimal, fromUnits, toUnits } from "../lib/decimal.js";
import { fetchOnce } from "../lib/fetchOnce.js";
import { useTrading } from "./useTrading.js";

const { current, load } = fetchOnce(api.markets);

/** The most that a buyer pays, in units: 1,500,000 is 1.5 %. */
export function buyerRate(market) {
  const { buyer_commission, maker_commission, taker_commission } = market ?? {};
  const rates = [buyer_commission, maker_commission, taker_commission].map((rate) =>
    toUnits(rate ?? "0"),
  );
  return rates.reduce((most, rate) => (rate > most ? rate : most), 0n);
}

export function useCommission() {
  const { symbol } = useTrading();
  // Without the markets the form shows no commission; the server's preview contains it.
  load().catch(() => {});
  const market = computed(() => current.value?.find((one) => one.symbol === symbol.value));
  const rate = computed(() => buyerRate(market.value));
  const percent = computed(() => formatDecimal(fromUnits(rate.value * 100n)));
  return { rate, percent };
}

// The price chart: TradingView's lightweight-charts in the page's colours.
import { CandlestickSeries, HistogramSeries, createChart } from "lightweight-charts";
import { grouped } from "./decimal.js";

/** How an axis writes prices: with as many digits as the prices themselves have. */
function priceFormatOf(places) {
  const formatter = (price) => grouped(price.toFixed(places));
  return { type: "custom", minMove: 10 ** -places, formatter };
}

/** Colours as the browser resolves them, because the chart knows no CSS variables. */
function colours(element) {
  const probe = document.createElement("i");
  element.append(probe);
  const of = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = { text: of("dim"), line: of("line"), up: of("buy"), down: of("sell") };
  probe.remove();
  return found;
}

/** Draws into an element, as large as that is. */
export function drawChart(element) {
  const chart = createChart(element, {
    autoSize: true,
    layout: {
      background: { color: "transparent" },
      fontFamily: getComputedStyle(element).fontFamily,
      attributionLogo: true,
    },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.1, bottom: 0.25 } },
    timeScale: { timeVisible: true, borderVisible: false, maxBarSpacing: 24, rightOffset: 2 },
  });
  const price = chart.addSeries(CandlestickSeries, { borderVisible: false });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: "",
    priceFormat: { type: "volume" },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  let isToFit = true;
  return {
    /** Candles, oldest first; `places` digits behind the point of their prices. */
    show(candles, places) {
      price.applyOptions({ priceFormat: priceFormatOf(places) });
      // The chart counts in UTC; people look at their own clock.
      const offset = new Date().getTimezoneOffset() * 60;
      const local = candles.map((candle) => ({ ...candle, time: candle.time - offset }));
      price.setData(local);
      volume.setData(local.map(({ time, volume: value }) => ({ time, value })));
      if (isToFit && local.length) chart.timeScale().fitContent();
      isToFit &&= local.length === 0;
    },
    fitNext() {
      isToFit = true;
    },
    restyle() {
      const { text, line, up, down } = colours(element);
      const lines = { color: line };
      chart.applyOptions({
        layout: { textColor: text },
        grid: { vertLines: lines, horzLines: lines },
      });
      price.applyOptions({ upColor: up, wickUpColor: up, downColor: down, wickDownColor: down });
      volume.applyOptions({ color: line });
    },
    remove: () => chart.remove(),
  };
}

// The price chart: TradingView's lightweight-charts, styled with the colors of the page.
import { CandlestickSeries, HistogramSeries, createChartEx } from "lightweight-charts";
import { formatDecimal } from "./decimal.js";
import { LocalTimeScale, formatCrosshair, formatTick } from "./timeScale.js";

/** Axis labels with as many decimal places as the prices have. */
function priceFormat(places) {
  const formatter = (price) => formatDecimal(price.toFixed(places));
  return { type: "custom", minMove: 10 ** -places, formatter };
}

/** Resolves the colors of the theme, because the chart does not support CSS variables. */
function themeColors(element) {
  const probe = document.createElement("i");
  element.append(probe);
  const resolve = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colors = {
    text: resolve("muted"),
    line: resolve("line"),
    up: resolve("buy"),
    down: resolve("sell"),
  };
  probe.remove();
  return colors;
}

/** Creates a chart that fills the element and follows its size. */
export function createPriceChart(element) {
  const chart = createChartEx(element, new LocalTimeScale(), {
    autoSize: true,
    layout: {
      background: { color: "transparent" },
      fontFamily: getComputedStyle(element).fontFamily,
      attributionLogo: true,
    },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.1, bottom: 0.25 } },
    localization: { timeFormatter: formatCrosshair },
    timeScale: {
      timeVisible: true,
      tickMarkFormatter: formatTick,
      borderVisible: false,
      maxBarSpacing: 24,
      rightOffset: 2,
    },
  });
  const price = chart.addSeries(CandlestickSeries, { borderVisible: false });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: "",
    priceFormat: { type: "volume" },
    lastValueVisible: false,
    priceLineVisible: false,
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  let shouldFit = true;
  return {
    /**
     * @param candles oldest first
     * @param places decimal places of the price axis
     */
    setCandles(candles, places) {
      price.applyOptions({ priceFormat: priceFormat(places) });
      price.setData(candles);
      volume.setData(candles.map(({ time, volume: value }) => ({ time, value })));
      if (shouldFit && candles.length) chart.timeScale().fitContent();
      shouldFit &&= candles.length === 0;
    },
    /** The next `setCandles` resets the visible range to all candles. */
    fitOnNextUpdate() {
      shouldFit = true;
    },
    applyTheme() {
      const { text, line, up, down } = themeColors(element);
      const gridLines = { color: line };
      chart.applyOptions({
        layout: { textColor: text },
        grid: { vertLines: gridLines, horzLines: gridLines },
      });
      price.applyOptions({ upColor: up, wickUpColor: up, downColor: down, wickDownColor: down });
      volume.applyOptions({ color: line });
    },
    remove: () => chart.remove(),
  };
}

// The depth of an order book as a chart: what can be sold at each price or a better one (bids), and
// bought (asks). The chart works with floats; the tables display the exact decimals.

/** Prices further from the middle than this share of it would make the rest unreadable. */
const MAX_DISTANCE = 0.2;
const MARGIN = 1.05;

function cumulate(orders) {
  const levels = [];
  let total = 0;
  for (const { price, amount } of orders) {
    total += Number(amount);
    const last = levels.at(-1);
    if (last?.price === Number(price)) last.total = total;
    else levels.push({ price: Number(price), total });
  }
  return levels;
}

/**
 * @param book `{asks, bids}`, each `{price, amount}`, best price first
 * @returns the levels of both sides within the range of the chart, with cumulative totals, or
 *   `null` if the book is empty
 */
export function depthOf(book) {
  const [bids, asks] = [cumulate(book.bids), cumulate(book.asks)];
  const best = [bids[0]?.price, asks[0]?.price].filter((price) => price !== undefined);
  if (!best.length) return null;
  const middle = best.reduce((sum, price) => sum + price, 0) / best.length;
  const distance = ({ price }) => Math.abs(price - middle);
  const limit = Math.max(middle * MAX_DISTANCE, ...best.map((price) => distance({ price })));
  const isInRange = (level) => distance(level) <= limit;
  const sides = { bids: bids.filter(isInRange), asks: asks.filter(isInRange) };
  const levels = [...sides.bids, ...sides.asks];
  const widest = Math.max(...levels.map(distance)) * MARGIN || middle * 0.01;
  // No price is negative.
  const halfRange = Math.min(widest, middle);
  const maxTotal = Math.max(...levels.map(({ total }) => total));
  return { ...sides, middle, low: middle - halfRange, high: middle + halfRange, maxTotal };
}

/**
 * The outline of one side as an SVG path, in a box of 100 × 100 whose origin is at the top left.
 * @param depth the result of `depthOf`
 * @param side "bids" or "asks"
 */
export function depthPath(depth, side) {
  const levels = depth[side];
  if (!levels.length) return "";
  const x = (price) => round(((price - depth.low) / (depth.high - depth.low)) * 100);
  const y = (total) => round(100 - (total / depth.maxTotal) * 95);
  let path = `M${x(levels[0].price)} 100`;
  let height = 100;
  for (const { price, total } of levels) {
    path += `L${x(price)} ${height}`;
    height = y(total);
    path += `L${x(price)} ${height}`;
  }
  const edge = side === "bids" ? 0 : 100;
  return `${path}L${edge} ${height}L${edge} 100Z`;
}

const round = (number) => Math.round(number * 100) / 100;

/**
 * The level that a position of the chart is about: the last one of its side that is reached.
 * @param position from 0, the left edge, to 1
 * @returns `{side, price, total}`, or `null` between the best prices
 */
export function levelAt(depth, position) {
  const price = depth.low + position * (depth.high - depth.low);
  const [bid, ask] = [
    depth.bids.filter((level) => level.price >= price).at(-1),
    depth.asks.filter((level) => level.price <= price).at(-1),
  ];
  if (bid) return { side: "bids", ...bid };
  return ask ? { side: "asks", ...ask } : null;
}

/** Digits enough to tell the prices of the chart from each other. */
export function priceDigits({ low, high }) {
  return Math.min(8, Math.max(0, 1 - Math.floor(Math.log10((high - low) / 2 || 1))));
}

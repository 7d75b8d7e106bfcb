// Medians, spreads and ratios of repeated measurements.

/** The median; of an even number, the mean of the middle two. */
export function median(values) {
  if (values.length === 0) throw new Error("no values");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median, the extremes and the number of these values. */
export function summary(values) {
  return {
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    count: values.length,
  };
}

/**
 * The ratios of two series that were measured in turn: each value is divided by the peer's value of
 * the same repetition. Both map a repetition to its value.
 */
export function pairedRatios(series, peer) {
  const ratios = [];
  for (const [repetition, value] of series) {
    if (!peer.has(repetition)) throw new Error(`the peer has no repetition ${repetition}`);
    ratios.push(value / peer.get(repetition));
  }
  return ratios;
}

/** `1,234`, `12.3`, `1.23` or `0.012`: at least three significant digits. */
export function format(value) {
  const size = Math.abs(value);
  if (size >= 100) return grouped(Math.round(value));
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 3);
}

function grouped(integer) {
  const digits = String(Math.abs(integer)).replace(/\B(?=(\d{3})+$)/g, ",");
  return integer < 0 ? `-${digits}` : digits;
}

/** `1,234 (1,200–1,300)`, or only the value if it was measured once. */
export function formatSummary({ median: middle, min, max, count }) {
  return count === 1 ? format(middle) : `${format(middle)} (${format(min)}–${format(max)})`;
}

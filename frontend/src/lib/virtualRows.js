// Which rows of a long list are rendered: those that are visible, and a few around them.

const OVERSCAN = 6;

/**
 * @param rowHeight in pixels, the same for every row
 * @returns the rows `start` to `end` (exclusive), and the heights of those before and after them
 */
export function visibleRows({ count, rowHeight, scrollTop, viewportHeight }) {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight) - OVERSCAN;
  const last = Math.ceil((Math.max(0, scrollTop) + viewportHeight) / rowHeight) + OVERSCAN;
  const end = Math.min(count, Math.max(last, 0));
  const start = Math.max(0, Math.min(first, end));
  return { start, end, before: start * rowHeight, after: (count - end) * rowHeight };
}

/**
 * The scroll position that shows the same rows after others were added in front of them. A list at
 * its beginning stays there and shows the new rows.
 */
export function scrollTopAfterInsert(scrollTop, rowHeight, insertedCount) {
  return scrollTop <= rowHeight / 2 ? scrollTop : scrollTop + insertedCount * rowHeight;
}

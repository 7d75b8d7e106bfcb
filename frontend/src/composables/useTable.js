// Sorting and paging of rows that are all here already.
import { computed, ref, watch } from "vue";
import { toUnits } from "../lib/decimal.js";

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** How a column is compared: as exact numbers, or as text. */
export const byNumber = (key) => (row) => toUnits(row[key]) ?? 0n;
export const byText = (key) => (row) => row[key];

/**
 * @param rows a ref or getter of the rows, newest first
 * @param columns for each sortable column a function from a row to what is compared
 */
export function useTable(rows, columns, { pageLength = 10 } = {}) {
  const sort = ref({ column: null, direction: 1 });
  const page = ref(0);

  const sorted = computed(() => {
    const { column, direction } = sort.value;
    const all = rows();
    if (!column) return all;
    const value = columns[column];
    return [...all].sort((a, b) => direction * compare(value(a), value(b)));
  });
  const pages = computed(() => Math.max(1, Math.ceil(sorted.value.length / pageLength)));
  const shown = computed(() => {
    const start = page.value * pageLength;
    return sorted.value.slice(start, start + pageLength);
  });
  watch(pages, (count) => (page.value = Math.min(page.value, count - 1)));

  /** Ascending, descending, and as it came. */
  function sortBy(column) {
    const { column: before, direction } = sort.value;
    if (before !== column) sort.value = { column, direction: 1 };
    else if (direction === 1) sort.value = { column, direction: -1 };
    else sort.value = { column: null, direction: 1 };
    page.value = 0;
  }

  /** What `aria-sort` of a column says. */
  function sortOf(column) {
    if (sort.value.column !== column) return "none";
    return sort.value.direction === 1 ? "ascending" : "descending";
  }

  /** Turns to the page on which a row is; whether it was found. */
  function showRow(predicate) {
    const index = sorted.value.findIndex(predicate);
    if (index >= 0) page.value = Math.floor(index / pageLength);
    return index >= 0;
  }

  return { sorted, shown, page, pages, sortBy, sortOf, showRow };
}

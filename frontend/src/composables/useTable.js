// Client-side sorting and pagination.
import { computed, readonly, ref, watch } from "vue";
import { maxDecimalPlaces, toUnits } from "../lib/decimal.js";

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The sort key of a column: as exact decimals or as text. */
export const byNumber = (key) => (row) => toUnits(row[key]) ?? 0n;
export const byText = (key) => (row) => row[key] ?? "";

/**
 * @param rows a getter of the rows, newest first
 * @param columns the sortable columns: `{key, label, name, sortKey, numeric}`; `sortKey` is a
 *   function from a row to its sort key, and `name` says in words what a sign as `label` means
 */
export function useTable(rows, columns, { pageLength = 10 } = {}) {
  const sort = ref({ column: null, direction: 1 });
  const page = ref(0);

  const sortedRows = computed(() => {
    const { column, direction } = sort.value;
    const all = rows();
    if (!column) return all;
    const { sortKey } = columns.find(({ key }) => key === column);
    return [...all].sort((a, b) => direction * compare(sortKey(a), sortKey(b)));
  });
  const pageCount = computed(() => Math.max(1, Math.ceil(sortedRows.value.length / pageLength)));
  const pageRows = computed(() => {
    const start = page.value * pageLength;
    return sortedRows.value.slice(start, start + pageLength);
  });
  /** The decimal places of each numeric column, by its key, on this page. */
  const places = computed(() => {
    const placesIn = ({ key }) => maxDecimalPlaces(pageRows.value.map((row) => row[key]));
    return Object.fromEntries(
      columns.filter(({ numeric }) => numeric).map((column) => [column.key, placesIn(column)]),
    );
  });
  watch(pageCount, (count) => (page.value = Math.min(page.value, count - 1)));

  /** Cycles through ascending, descending and the original order. */
  function toggleSort(column) {
    const { column: previous, direction } = sort.value;
    if (previous !== column) sortBy(column, 1);
    else if (direction === 1) sortBy(column, -1);
    else sortBy(null);
  }

  /** Sorts by a column, or with `null` in the original order. */
  function sortBy(column, direction) {
    sort.value = { column, direction: column === null ? 1 : direction };
    page.value = 0;
  }

  /** The `aria-sort` value of a column. */
  function ariaSort(column) {
    if (sort.value.column !== column) return "none";
    return sort.value.direction === 1 ? "ascending" : "descending";
  }

  /** Opens the page that contains a matching row; returns whether there is one. */
  function goToRow(predicate) {
    const index = sortedRows.value.findIndex(predicate);
    if (index >= 0) page.value = Math.floor(index / pageLength);
    return index >= 0;
  }

  return {
    columns,
    sortedRows,
    pageRows,
    places,
    page,
    pageCount,
    sort: readonly(sort),
    sortBy,
    toggleSort,
    ariaSort,
    goToRow,
  };
}

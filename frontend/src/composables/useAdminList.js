// A list of the administration, of which one page is shown.
import { reactive, ref } from "vue";
import * as adminApi from "../lib/adminApi.js";

/**
 * @param path of the list
 * @param filters a reactive object of query parameters
 * @param read reads a page: `(path, filters, cursor) => {rows, next}`
 */
export function useAdminList(path, filters = {}, read = adminApi.page) {
  const resource = reactive({ data: null, error: null });
  /** The cursors of the pages before this one, and of this one. */
  const cursors = ref([null]);
  const next = ref(null);
  let latest = 0;

  async function load() {
    const request = ++latest;
    try {
      const page = await read(path, filters, cursors.value.at(-1));
      if (request !== latest) return;
      resource.data = page.rows;
      resource.error = null;
      next.value = page.next;
    } catch (error) {
      if (request === latest) resource.error = error;
    }
  }

  function showFirst() {
    cursors.value = [null];
    return load();
  }
  function showNext() {
    if (next.value === null) return undefined;
    cursors.value.push(next.value);
    return load();
  }
  function showPrevious() {
    if (cursors.value.length === 1) return undefined;
    cursors.value.pop();
    return load();
  }

  return { resource, cursors, next, load, showFirst, showNext, showPrevious };
}

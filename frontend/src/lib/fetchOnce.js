// A resource that is fetched once and shared by all components.
import { shallowRef } from "vue";

/**
 * @param fetch requests the resource
 * @returns `current`, the resource or `null`, and `load()`; a failed request is repeated by the
 *   next call
 */
export function fetchOnce(fetch) {
  const current = shallowRef(null);
  let request = null;
  function load() {
    request ??= fetch().then(
      (response) => (current.value = response),
      (error) => {
        request = null;
        throw error;
      },
    );
    return request;
  }
  return { current, load };
}

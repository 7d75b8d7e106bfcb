// The seconds until a moment, updated while there are any.
import { onBeforeUnmount, ref, watch } from "vue";

const STEP_MS = 250;

/** @param moment a getter of milliseconds since 1970, or of `null` */
export function useCountdown(moment) {
  const seconds = ref(0);
  let timer;

  function update() {
    clearTimeout(timer);
    const rest = (moment() ?? 0) - Date.now();
    seconds.value = Math.max(0, Math.ceil(rest / 1000));
    if (rest > 0) timer = setTimeout(update, STEP_MS);
  }

  watch(moment, update, { immediate: true });
  onBeforeUnmount(() => clearTimeout(timer));
  return seconds;
}

// What the server says about itself before anybody has logged in; asked once.
import { computed, shallowRef } from "vue";
import * as api from "../api.js";

// What every server tells; an older one does not name it.
const ALWAYS_TOLD = ["order.matched"];

const current = shallowRef(null);
const told = computed(() => current.value?.events ?? ALWAYS_TOLD);
let asked = null;

/** The settings; a failure is asked again the next time. */
export function settings() {
  asked ??= api.settings().then(
    (answer) => (current.value = answer),
    (error) => {
      asked = null;
      throw error;
    },
  );
  return asked;
}

/** Whether the server tells events of this name; `false` as long as nobody knows. */
const isTold = (name) => told.value.includes(name);

export function useSettings() {
  return { settings: current, load: settings, isTold };
}

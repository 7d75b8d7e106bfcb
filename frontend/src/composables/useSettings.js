// What the server says about itself before anybody has logged in; asked once.
import { shallowRef } from "vue";
import * as api from "../api.js";

const current = shallowRef(null);
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

export function useSettings() {
  return { settings: current, load: settings };
}

// The server's public settings, fetched once.
import { computed, shallowRef } from "vue";
import * as api from "../api.js";

// Every server publishes this event; older ones do not list their events.
const DEFAULT_EVENTS = ["order.matched"];

const current = shallowRef(null);
const enabledEvents = computed(() => current.value?.events ?? DEFAULT_EVENTS);
let request = null;

/** The settings. A failed request is repeated by the next call. */
export function settings() {
  request ??= api.settings().then(
    (response) => (current.value = response),
    (error) => {
      request = null;
      throw error;
    },
  );
  return request;
}

/** Whether the server publishes events of this name. */
const isEventEnabled = (name) => enabledEvents.value.includes(name);

export function useSettings() {
  return { settings: current, load: settings, isEventEnabled };
}

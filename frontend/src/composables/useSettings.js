// The server's public settings, fetched once.
import { computed } from "vue";
import * as api from "../api.js";
import { fetchOnce } from "../lib/fetchOnce.js";

// Every server publishes this event; older ones do not list their events.
const DEFAULT_EVENTS = ["order.matched"];

const { current, load: settings } = fetchOnce(api.settings);
const enabledEvents = computed(() => current.value?.events ?? DEFAULT_EVENTS);

export { settings };

/** Whether the server publishes events of this name. */
const isEventEnabled = (name) => enabledEvents.value.includes(name);

export function useSettings() {
  return { settings: current, load: settings, isEventEnabled };
}

// The server's public settings, fetched once.
import { computed } from "vue";
import * as api from "../api.js";
import { fetchOnce } from "../lib/fetchOnce.js";
import { eventName } from "../lib/provider.js";

// Every server publishes this event; older ones do not list their events.
const DEFAULT_EVENTS = ["order.matched"];

const { current, load: settings } = fetchOnce(api.settings);
const enabledEvents = computed(() => current.value?.events ?? DEFAULT_EVENTS);

export { settings };

/** Whether the server publishes an event of the catalogue, under whatever name. */
const isEventEnabled = (name) => enabledEvents.value.includes(eventName(current.value, name));

export function useSettings() {
  return { settings: current, load: settings, isEventEnabled };
}

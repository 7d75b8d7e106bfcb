// Which entries the debug console keeps, and how it shows their data.

/** What happened, by the kind of an entry. */
export const KIND_LABELS = {
  published: "Event",
  client_event: "Client event",
  connected: "Connected",
  disconnected: "Disconnected",
  subscribed: "Subscribed",
  unsubscribed: "Unsubscribed",
};

/** JSON on several lines; text that would lose something by it stays as it is. */
export function indentJson(text) {
  try {
    const value = JSON.parse(text);
    return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

const MAX_ENTRIES_PER_CHANNEL = 100;

/**
 * The newest entries, and of each channel a limited number, so that a busy market displaces no
 * event of a user.
 * @param entries newest first
 */
export function keepNewest(entries, max) {
  const counts = new Map();
  const isKept = ({ channel }) => {
    if (!channel) return true;
    const count = (counts.get(channel) ?? 0) + 1;
    counts.set(channel, count);
    return count <= MAX_ENTRIES_PER_CHANNEL;
  };
  return entries.filter(isKept).slice(0, max);
}

// Parses the API's UTC timestamps (ISO 8601 or `Y-m-d H:i:s`) and formats them in the user's locale
// and time zone.

const timeFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const dateTimeFormat = new Intl.DateTimeFormat(undefined, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const shortDateTimeFormat = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});
const preciseTimeFormat = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

export function parseTimestamp(text) {
  return new Date(text.includes("T") ? text : `${text.replace(" ", "T")}Z`);
}

/** The UTC time of a local one, such as `2026-01-31T12:00`; `null` if it is invalid. */
export function utcFromLocal(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** Seconds since 1970 of a clock that shows local time; `seconds` are those of UTC. */
export const localSeconds = (seconds) =>
  seconds - new Date(seconds * 1000).getTimezoneOffset() * 60;

/** The time of day with milliseconds, from milliseconds since 1970. */
export const formatPreciseTime = (ms) => preciseTimeFormat.format(new Date(Number(ms)));

export const formatTime = (text) => timeFormat.format(parseTimestamp(text));
export const formatDateTime = (text) => dateTimeFormat.format(parseTimestamp(text));

/** Omits the year for dates in the current year. */
export function formatShortDateTime(text) {
  const date = parseTimestamp(text);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return (isThisYear ? shortDateTimeFormat : dateTimeFormat).format(date);
}

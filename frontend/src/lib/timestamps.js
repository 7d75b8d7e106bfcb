// Times come as UTC, in ISO 8601 or as `Y-m-d H:i:s`; people read them in their own zone.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const thisYear = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "numeric",
  minute: "2-digit",
  second: "2-digit",
});

export function toDate(text) {
  return new Date(text.includes("T") ? text : `${text.replace(" ", "T")}Z`);
}

const precise = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});

/** The time of day of milliseconds since 1970, to the millisecond. */
export const clockTimeOf = (ms) => precise.format(new Date(Number(ms)));

export const timeOf = (text) => clock.format(toDate(text));
export const dateTimeOf = (text) => full.format(toDate(text));

/** With the year only where it is another one. */
export function shortDateTimeOf(text) {
  const date = toDate(text);
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return (isThisYear ? thisYear : full).format(date);
}

// The settings of servers whose order.matched has another shape than the default one.

const SECTION = "MATCHCAST__EVENTS__ORDER_MATCHED__";

export function shape({ name, channel, ...more }) {
  const settings = { NAME: name, CHANNEL: channel, ...more };
  const entries = Object.entries(settings).map(([key, value]) => [SECTION + key, value]);
  return Object.fromEntries(entries);
}

// What Laravel does by itself: the class of the event, and the model of the user.
export const LARAVEL = shape({
  name: "App\\Events\\OrderMatched",
  channel: "private-App.Models.User.{id}",
});

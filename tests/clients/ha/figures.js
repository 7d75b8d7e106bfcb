// What the clients noticed of a fault, in figures.
import { Kind } from "./requests.js";

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

// The longest time without an accepted order between `since` and `until`: { from, to, length }.
export function longestGap(acceptedAt, since, until) {
  const inside = acceptedAt.filter((at) => at > since && at < until).sort((a, b) => a - b);
  const before = acceptedAt.filter((at) => at <= since);
  const times = [before.length > 0 ? Math.max(...before) : since, ...inside, until];
  let longest = { from: since, to: since, length: 0 };
  for (let index = 1; index < times.length; index++) {
    const length = times[index] - times[index - 1];
    if (length > longest.length) longest = { from: times[index - 1], to: times[index], length };
  }
  return longest;
}

export function countBy(list, keyOf) {
  const counts = new Map();
  for (const each of list) {
    const key = keyOf(each);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

// Events that the provider had accepted before, within a time.
export function duplicatesWithin(events, since, until) {
  const seen = new Set();
  let count = 0;
  for (const { at, channel, data } of events) {
    const id = `${channel} ${data.event_id}`;
    if (seen.has(id) && at >= since && at <= until) count++;
    seen.add(id);
  }
  return count;
}

// The time that orders may take longer than the cluster, which is the aim.
export const ALLOWED_MS = 2_000;

// Lines about a fault, and whether orders were accepted in time. `since` is when it began,
// `leaderAt` when its new leader existed, `writableAt` when commits succeeded there, and
// `repairedAt` when they succeeded again without a new leader. With `isOfMatchcast` one process
// is enough for clients; otherwise both have to accept orders.
export function report({ name, since, until, isOfMatchcast, load, events, ...cluster }) {
  const { leaderAt, writableAt, repairedAt } = cluster;
  const attempts = load.attempts.filter(({ at }) => at >= since && at <= until);
  const isAccepted = ({ kind }) => kind === Kind.accepted;
  const placed = load.orders.flatMap((order) => order.attempts).filter(isAccepted);
  const gapOf = (list) => {
    const gap = longestGap(
      list.map(({ at }) => at),
      since,
      until,
    );
    const after = (at) => Math.min(gap.length, gap.to - at);
    const own = after(leaderAt ?? repairedAt ?? since);
    return { ...gap, own, afterCommits: after(writableAt ?? repairedAt ?? since) };
  };
  const all = gapOf(placed);
  const names = [...new Set(load.attempts.map(({ process }) => process))].sort();
  const each = names.map((process) => ({
    process,
    ...gapOf(placed.filter((attempt) => attempt.process === process)),
  }));
  const worst = (key) => (isOfMatchcast ? all[key] : Math.max(...each.map((gap) => gap[key])));
  const own = worst("own");
  const isMet = own <= ALLOWED_MS;
  const by = each.map(({ process, length }) => `${process} ${seconds(length)}`).join(", ");
  const lines = [`${name}: no accepted order for ${seconds(all.length)} (${by})`];
  if (leaderAt) {
    const wait = writableAt ? seconds(writableAt - leaderAt) : "an unknown time";
    lines.push(
      `  new leader after ${seconds(leaderAt - since)}; commits with a standby ${wait} later; ` +
        `accepted orders ${seconds(Math.max(0, worst("afterCommits")))} after those`,
    );
  }
  if (repairedAt) lines.push(`  a commit of the cluster after ${seconds(repairedAt - since)}`);
  const from = leaderAt ? "new leader" : repairedAt ? "commit" : "last order";
  const answers = countBy(attempts, ({ kind, code }) => (code ? `${kind} (${code})` : kind));
  lines.push(
    `  accepted orders ${seconds(own)} after the ${from}; aim ${seconds(ALLOWED_MS)}: ` +
      `${isMet ? "met" : "MISSED"}`,
    `  answers: ${answers.map(([kind, count]) => `${kind} ${count}`).join(", ")}`,
    `  events sent again: ${duplicatesWithin(events, since, until)}`,
  );
  return { lines, isMet };
}

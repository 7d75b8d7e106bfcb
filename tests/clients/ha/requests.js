// A request that changes something, and what its answer says about it.

// Longer than http.request_timeout_ms, so that matchcast answers first.
const TIMEOUT_MS = 15_000;

// What a client may conclude from an answer.
export const Kind = {
  accepted: "accepted",
  // The stored response to an earlier attempt with the same idempotency key.
  replayed: "replayed",
  rejected: "rejected",
  // Not executed, and it will not be: 503 with any code but outcome_unknown.
  nothing: "nothing happened",
  // No process listened, so nothing was sent.
  notSent: "not sent",
  unknown: "outcome unknown",
  // An earlier attempt is still being executed.
  inFlight: "in flight",
  // The user's order with this client order id exists.
  taken: "client order id taken",
};

function kindOf(status, code, isReplayed) {
  if (status === 200) return isReplayed ? Kind.replayed : Kind.accepted;
  if (code === "outcome_unknown") return Kind.unknown;
  if (status === 503) return Kind.nothing;
  if (code === "idempotency_key_in_flight") return Kind.inFlight;
  if (code === "client_order_id_taken") return Kind.taken;
  if (status >= 400 && status < 500 && code) return Kind.rejected;
  throw new Error(`an unexpected response with status ${status} and code ${code}`);
}

// Sends a request and returns the attempt: { process, sentAt, at, kind, status, code, data }.
export async function send(server, method, path, { token, key, body }) {
  const attempt = { process: server.name, sentAt: Date.now() };
  const headers = { Authorization: `Bearer ${token}`, Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response, text;
  try {
    response = await fetch(`${server.url}/api${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    const code = error.cause?.code ?? error.name;
    const kind = code === "ECONNREFUSED" ? Kind.notSent : Kind.unknown;
    return { ...attempt, at: Date.now(), kind, code };
  }
  const { code, data } = JSON.parse(text);
  const isReplayed = response.headers.get("idempotency-replayed") === "true";
  const kind = kindOf(response.status, code, isReplayed);
  return { ...attempt, at: Date.now(), kind, status: response.status, code, data };
}

export const isDefinite = (kind) =>
  [Kind.accepted, Kind.replayed, Kind.rejected, Kind.taken].includes(kind);

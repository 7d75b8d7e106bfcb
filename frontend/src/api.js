// The one place that knows the REST contract. Numbers come as the text that the API wrote (ids
// too), see lib/decimal.js; numbers are sent as text, which the API reads exactly.
import axios from "axios";
import { parseExact } from "./lib/decimal.js";
import { TRADES_SHOWN } from "./lib/trades.js";

const TIMEOUT_MS = 15_000;

const http = axios.create({
  baseURL: import.meta.env.VITE_API_URL || "/api",
  timeout: TIMEOUT_MS,
  headers: { Accept: "application/json" },
  // An error of a proxy may be no JSON at all.
  transformResponse: [
    (text) => {
      try {
        return text ? parseExact(text) : {};
      } catch {
        return {};
      }
    },
  ],
});

let session = { token: () => null, expired: () => {} };

/** Who gives the bearer token, and who wants to know when the server refuses it. */
export function useSession(source) {
  session = source;
}

/** A refusal or a failure, in words for the page. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", fields = {} } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    /** Per field the first text. */
    this.fields = fields;
  }
}

function failure(error) {
  const { response } = error;
  if (!response) {
    return new ApiError("The server cannot be reached. Look at your connection and try again.");
  }
  const { status, data } = response;
  const fields = Object.entries(data?.errors ?? {}).map(([name, [text]]) => [name, text]);
  const message = data?.message || `The server answered ${status}. Try again later.`;
  return new ApiError(message, { status, code: data?.code, fields: Object.fromEntries(fields) });
}

async function call(method, url, { data, params, headers } = {}) {
  const token = session.token();
  const auth = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    const options = { method, url, data, params, headers: { ...auth, ...headers } };
    return (await http.request(options)).data;
  } catch (error) {
    const refused = failure(error);
    // A refusal that belongs to an older token says nothing about this one.
    if (refused.status === 401 && token && token === session.token()) session.expired();
    throw refused;
  }
}

const read = async (url, params) => (await call("get", url, { params })).data;
const write = async (url, data) => (await call("post", url, { data })).data;

export const settings = () => read("/config");
export const logIn = (email, password) => write("/login", { email, password });
export const register = (form) => write("/register", form);
export const logOut = () => write("/logout");
export const user = () => read("/user");
export const profile = () => read("/profile");
export const book = (symbol) => read("/orders", { symbol });
export const trades = (symbol) => read("/trades", { symbol, limit: TRADES_SHOWN });
export const orders = () => read("/my-orders");
export const history = () => read("/balance-history", { currency: "all" });
export const placeOrder = (order) => write("/orders", order);
export const cancelOrder = (id) => write(`/orders/${id}/cancel`);
export const faucet = (currency) => write("/faucet", { currency });
export const debugEvents = (seen) => read("/debug/events", { seen });
export const sendEvent = (event) => write("/debug/events", event);

/** The signature for one private channel; what pusher-js wants is the bare body. */
export function authorizeChannel(socketId, channelName) {
  const data = new URLSearchParams({ socket_id: socketId, channel_name: channelName });
  return call("post", "/broadcasting/auth", { data, headers: { Accept: "*/*" } });
}

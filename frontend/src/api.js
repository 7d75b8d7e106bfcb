// The client of the REST API. Numbers and ids in responses are text, exactly as the API wrote them
// (see lib/decimal.js); numbers in requests are sent as text, which the API parses exactly.
import axios from "axios";
import { parseLosslessJson } from "./lib/decimal.js";

const TIMEOUT_MS = 15_000;

const http = axios.create({
  baseURL: import.meta.env.VITE_API_URL || "/api",
  timeout: TIMEOUT_MS,
  headers: { Accept: "application/json" },
  // The error page of a proxy may not be JSON.
  transformResponse: [
    (text) => {
      try {
        return text ? parseLosslessJson(text) : {};
      } catch {
        return {};
      }
    },
  ],
});

let session = { token: () => null, onExpired: () => {} };

/** Sets the source of the bearer token and the callback for a token that the server rejects. */
export function setSession(newSession) {
  session = newSession;
}

/** A failed request, with a message for the user. */
export class ApiError extends Error {
  constructor(message, { status = 0, code = "", fields = {} } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    /** The first validation error of each field. */
    this.fields = fields;
  }
}

function toApiError(error) {
  const { response } = error;
  if (!response) {
    return new ApiError("Cannot reach the server. Check your connection and try again.");
  }
  const { status, data } = response;
  const fields = Object.entries(data?.errors ?? {}).map(([name, [text]]) => [name, text]);
  const message = data?.message || `The server returned status ${status}. Try again later.`;
  return new ApiError(message, { status, code: data?.code, fields: Object.fromEntries(fields) });
}

/** Sends a request with this bearer token, if any; returns its body and headers. */
export async function send(method, url, { token, data, params, headers } = {}) {
  const auth = token ? { Authorization: `Bearer ${token}` } : {};
  try {
    return await http.request({ method, url, data, params, headers: { ...auth, ...headers } });
  } catch (error) {
    throw toApiError(error);
  }
}

async function request(method, url, options) {
  const token = session.token();
  try {
    return (await send(method, url, { ...options, token })).data;
  } catch (error) {
    // A 401 for an older token says nothing about the current one.
    if (error.status === 401 && token && token === session.token()) session.onExpired();
    throw error;
  }
}

const get = async (url, params) => (await request("get", url, { params })).data;
const post = async (url, data) => (await request("post", url, { data })).data;
/** A request that is executed once, however often it is sent with this key. */
async function sendOnce(method, url, data, key) {
  const headers = { "Idempotency-Key": key };
  return (await request(method, url, { data, headers })).data;
}

export const settings = () => get("/config");
export const markets = () => get("/markets");
export const logIn = (email, password) => post("/login", { email, password });
export const register = (form) => post("/register", form);
export const logOut = () => post("/logout");
export const user = () => get("/user");
export const profile = () => get("/profile");
export const book = (symbol) => get("/orders", { symbol });
export const trades = (symbol) => get("/trades", { symbol });
export const ticker = (symbol) => get("/ticker", { symbol });
export const candles = (symbol, interval, limit) => get("/candles", { symbol, interval, limit });
export const orders = () => get("/my-orders");
export const userTrades = () => get("/my-trades");
export const history = () => get("/balance-history", { currency: "all" });
export const placeOrder = (order, key) => sendOnce("post", "/orders", order, key);
export const previewOrder = (order) => post("/orders/preview", order);
export const amendOrder = (id, changes, key) => sendOnce("patch", `/orders/${id}`, changes, key);
export const cancelOrder = (id) =>
  sendOnce("post", `/orders/${id}/cancel`, undefined, `cancel-${id}`);
/** Cancels the open orders in this market and of this side, each of which may be left out. */
export const cancelOrders = async (filter) =>
  (await request("delete", "/orders", { params: filter })).data;
export const faucet = (currency) => post("/faucet", { currency });
/** Whether the demo's traders trade. */
export const demoTraders = () => get("/demo/traders");
export const setDemoTraders = async (running) =>
  (await request("put", "/demo/traders", { data: { running } })).data;
export const tokens = () => get("/tokens");
/** The response contains the token itself, which the API shows only once. */
export const createToken = (token) => post("/tokens", token);
export const revokeToken = (id) => request("delete", `/tokens/${id}`);
/** Where the user is signed in. */
export const sessions = () => get("/sessions");
export const endSession = (id) => request("delete", `/sessions/${id}`);
/** Ends all sessions except the current one; returns how many. */
export const endOtherSessions = async () => (await request("delete", "/sessions")).data;
export const debugEvents = (after) => get("/debug/events", { after });
export const sendEvent = (event) => post("/debug/events", event);

/** Authorizes a private channel. pusher-js expects the bare response body. */
export function authorizeChannel(socketId, channelName) {
  const data = new URLSearchParams({ socket_id: socketId, channel_name: channelName });
  return request("post", "/broadcasting/auth", { data, headers: { Accept: "*/*" } });
}

// The calls of administrators. They need a token of their own, which is kept until the window is
// closed, and which no call of a user is sent with.
import { ApiError, send } from "../api.js";

const KEY = "administrator-token";
const PAGE_ROWS = 50;
const EXPORT_URL = `${import.meta.env.VITE_API_URL || "/api"}/admin`;

export const storedToken = () => sessionStorage.getItem(KEY);
export const storeToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);

let onRejected = () => {};

/** Sets what happens when a call shows that the token of this window is not valid any more. */
export const setOnRejected = (callback) => (onRejected = callback);

/** For everybody without a valid token the calls do not exist. */
function explain(error) {
  if (error.status === 404 && error.code === "not_found" && error.message === "Not found.") {
    error.message = "The token is not valid: it is unknown, revoked, expired or not for here.";
    error.isTokenInvalid = true;
  }
  return error;
}

async function call(method, path, options) {
  try {
    return await send(method, `/admin${path}`, { token: storedToken(), ...options });
  } catch (error) {
    explain(error);
    if (error.isTokenInvalid) onRejected(error.message);
    throw error;
  }
}

const read = async (path, params) => (await call("get", path, { params })).data.data;
const write = async (path, data, key) => {
  const headers = key ? { "Idempotency-Key": key } : {};
  return (await call("post", path, { data, headers })).data.data;
};

/** The cursor of the next page in the header `Link`. `null`: this is the last one. */
export function nextCursor(link) {
  const query = /<\?([^>]*)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return query ? new URLSearchParams(query).get("cursor") : null;
}

/** A page of a list: its rows, and the cursor of the next one. Empty filters are left out. */
export async function page(path, filters = {}, cursor = null) {
  const given = Object.entries(filters).filter(([, value]) => value !== "");
  const params = { ...Object.fromEntries(given), limit: PAGE_ROWS };
  const { data, headers } = await call("get", path, {
    params: cursor ? { ...params, cursor } : params,
  });
  return { rows: data.data, next: nextCursor(headers.link) };
}

export const verify = async (token) => {
  try {
    return (await send("get", "/admin/token", { token })).data.data;
  } catch (error) {
    throw explain(error);
  }
};

export const user = (id) => read(`/users/${id}`);
export const createUser = (form) => write("/users", form);
export const changeUser = (id, change, data) => write(`/users/${id}/${change}`, data);
export const endWithdrawal = ({ id, how, ...data }, key) =>
  write(`/withdrawals/${id}/${how}`, data, key);
export const adjust = (adjustment, key) => write("/adjustments", adjustment, key);
export const decideAdjustment = ({ id, how }, key) =>
  write(`/adjustments/${id}/${how}`, undefined, key);
export const markets = () => read("/markets");
export const setMarketStatus = (symbol, status) =>
  write(`/markets/${encodeURIComponent(symbol)}/status`, { status });
export const retryDeadLetter = (id) => write(`/dead-letters/${id}/retry`);
export const health = () => read("/health");
export const lastAudit = () => read("/audit");

/** Downloads a list as CSV. The browser keeps it in memory. */
export async function exportList(name) {
  const headers = { Authorization: `Bearer ${storedToken()}` };
  let response, contents;
  try {
    response = await fetch(`${EXPORT_URL}/${name}.csv`, { headers });
    contents = await response.blob();
  } catch {
    // Without its end a list is not complete, so nothing of it is kept.
    throw new ApiError("The connection ended before the whole list had arrived. Try again.");
  }
  if (response.ok) return contents;
  const { message, code } = await readError(contents);
  const text = message || `The server returned status ${response.status}. Try again later.`;
  throw explain(new ApiError(text, { status: response.status, code }));
}

/** The error page of a proxy may not be JSON. */
async function readError(contents) {
  try {
    return JSON.parse(await contents.text());
  } catch {
    return {};
  }
}

// The script of the page: log-in, an order form, the user's orders, and the trades that arrive as
// `order.matched`. It was written for Laravel and knows nothing of matchcast.
import Echo from "./echo-2b7c90aa.js";
import "./pusher-8c1f02d7.js";
import { API, CONNECTION, KEY, USES_COOKIES } from "./settings-0f9e8d7c.js";

const STATUSES = { 1: "Open", 2: "Filled", 3: "Cancelled" };
const show = (id, text) => (document.getElementById(id).textContent = text);
const showError = (error) => show("error", error.message);

function list(id, texts) {
  const items = texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  document.getElementById(id).replaceChildren(...items);
}

// With a bearer token, which the page keeps, or with the cookies of Sanctum, as axios sends them.
function credentials() {
  if (!USES_COOKIES) return { Authorization: `Bearer ${localStorage.getItem("token")}` };
  const [, token] = /(?:^|; )XSRF-TOKEN=([^;]*)/.exec(document.cookie) ?? [];
  return token ? { "X-XSRF-TOKEN": decodeURIComponent(token) } : {};
}

async function send(method, path, body) {
  const response = await fetch(API + path, {
    method,
    credentials: "include",
    headers: {
      Accept: "application/json",
      ...(body && { "Content-Type": "application/json" }),
      ...credentials(),
    },
    body: JSON.stringify(body),
  });
  const json = await response.json();
  if (!response.ok) throw Object.assign(new Error(json.message), { status: response.status });
  return json;
}

async function logIn(fields) {
  if (USES_COOKIES) {
    const address = new URL("/sanctum/csrf-cookie", new URL(API, location.href));
    await fetch(address, { credentials: "include" });
  }
  const { data } = await send("POST", "/login", fields);
  if (!USES_COOKIES) localStorage.setItem("token", data.token);
  await open();
}

// Sanctum's manual has this authorizer for pages with cookies.
const authorization = () =>
  USES_COOKIES
    ? {
        authorizer: (channel) => ({
          authorize: (socketId, callback) =>
            send("POST", "/broadcasting/auth", {
              socket_id: socketId,
              channel_name: channel.name,
            }).then(
              (response) => callback(null, response),
              (error) => callback(error),
            ),
        }),
      }
    : { authEndpoint: `${API}/broadcasting/auth`, auth: { headers: credentials() } };

async function refresh() {
  const [user, orders] = await Promise.all([send("GET", "/user"), send("GET", "/my-orders")]);
  show("balance", Number(user.data.balance).toFixed(2));
  list(
    "orders",
    orders.data.map(({ id, status }) => `order ${id}: ${STATUSES[status]}`),
  );
  return user.data;
}

function listen(user) {
  const matched = [];
  window.Echo = new Echo({ broadcaster: "pusher", key: KEY, ...CONNECTION, ...authorization() });
  const { connection } = window.Echo.connector.pusher;
  connection.bind("state_change", ({ current }) => show("connection", current));
  const channel = window.Echo.private(`user.${user.id}`);
  channel.subscribed(() => show("channel", `subscribed by ${connection.socket_id}`));
  channel.error(({ status }) => show("channel", `refused with ${status}`));
  channel.listen(".order.matched", (event) => {
    matched.push(event);
    list(
      "matched",
      matched.map((each) => `trade ${each.trade_id}`),
    );
    refresh().catch(showError);
  });
}

async function open() {
  const user = await refresh();
  listen(user);
  show("user", user.name);
}

function onSubmit(id, action) {
  document.getElementById(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    show("error", "");
    try {
      await action(Object.fromEntries(new FormData(event.target)));
    } catch (error) {
      showError(error);
    }
  });
}

onSubmit("login", logIn);
onSubmit("order", async (fields) => {
  await send("POST", "/orders", { ...fields, symbol: "BTC" });
  await refresh();
});
if (USES_COOKIES ? document.cookie : localStorage.getItem("token")) open().catch(showError);

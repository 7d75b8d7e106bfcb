// The demo's users, as the server seeds them. They exist only where its settings say `demo`.
export const DEMO_PASSWORD = "password";

export const DEMO_USERS = ["Alice", "Bob", "Charlie"].map((name) => ({
  name,
  email: `${name.toLowerCase()}@example.com`,
}));

export const isDemoUser = (user) => DEMO_USERS.some(({ email }) => email === user?.email);

/** Opens a window that is logged in as somebody else, beside this one. */
export function openWindowAs(name) {
  // Without an opener the new window gets a session of its own, not a copy of this one.
  window.open(`/login?as=${encodeURIComponent(name.toLowerCase())}`, "_blank", "noopener");
}

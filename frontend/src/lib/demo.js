// The demo users that the server seeds. They exist only if the server's settings have `demo` set.
export const DEMO_PASSWORD = "password";

export const DEMO_USERS = ["Alice", "Bob", "Charlie"].map((name) => ({
  name,
  email: `${name.toLowerCase()}@example.com`,
}));

export const isDemoUser = (user) => DEMO_USERS.some(({ email }) => email === user?.email);

/** Opens a second window that is logged in as another demo user. */
export function openWindowAs(name) {
  // Without an opener the new window starts with an empty sessionStorage instead of a copy.
  window.open(`/login?as=${encodeURIComponent(name.toLowerCase())}`, "_blank", "noopener");
}

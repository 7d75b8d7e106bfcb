// The logged-in user. The token is stored in localStorage.auth_token, where other pages of this API
// store it too. A window that was opened for another user stores its own token in sessionStorage,
// which takes precedence there.
import { computed, ref, shallowRef } from "vue";
import * as api from "../api.js";
import { disconnectPusher } from "./usePusher.js";

const KEY = "auth_token";

const readToken = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
const token = ref(readToken());
const user = shallowRef(null);
const isWindowSession = ref(sessionStorage.getItem(KEY) !== null);
let expiredCallback = () => {};

function storeToken(newToken, { windowOnly }) {
  (windowOnly ? sessionStorage : localStorage).setItem(KEY, newToken);
  token.value = newToken;
  isWindowSession.value = windowOnly;
}

function clearSession() {
  (isWindowSession.value ? sessionStorage : localStorage).removeItem(KEY);
  // After a window-only session the login page is shown, even if localStorage has a token of
  // another user.
  token.value = null;
  user.value = null;
  disconnectPusher();
}

api.setSession({
  token: () => token.value,
  onExpired: () => {
    clearSession();
    expiredCallback();
  },
});

// Another window logged out or logged in as another user.
window.addEventListener("storage", ({ key, newValue }) => {
  if (key !== KEY || isWindowSession.value || newValue === token.value) return;
  window.location.reload();
});

// The session may have been signed out elsewhere while the page was in the background. If so, the
// response calls `onExpired`.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && token.value) api.user().catch(() => {});
});

async function logIn(email, password, { windowOnly = isWindowSession.value } = {}) {
  const session = await api.logIn(email, password);
  storeToken(session.token, { windowOnly });
  user.value = session.user;
}

async function register(form) {
  const session = await api.register(form);
  storeToken(session.token, { windowOnly: isWindowSession.value });
  user.value = session.user;
}

async function logOut() {
  try {
    await api.logOut();
  } catch {
    // The local session ends even if the server is unavailable and cannot revoke the token.
  }
  clearSession();
}

/** Fetches the user that the token belongs to, unless it is already known. */
async function load() {
  if (token.value && !user.value) user.value = await api.user();
}

export function useAuth() {
  return {
    token,
    user,
    isLoggedIn: computed(() => token.value !== null),
    isWindowSession,
    logIn,
    register,
    logOut,
    load,
    /** Sets the callback for a token that the server rejects. */
    onSessionExpired: (callback) => (expiredCallback = callback),
  };
}

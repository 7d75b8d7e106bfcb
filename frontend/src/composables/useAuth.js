// Who is logged in here. The token is in localStorage.auth_token, as other pages of this API have
// it; a window that was opened as somebody else keeps its own in sessionStorage, which wins there.
import { computed, ref, shallowRef } from "vue";
import * as api from "../api.js";
import { useSession } from "../api.js";
import { disconnectPusher } from "./usePusher.js";

const KEY = "auth_token";

const readToken = () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
const token = ref(readToken());
const user = shallowRef(null);
const isWindowOwn = ref(sessionStorage.getItem(KEY) !== null);
/** Called when the server refuses the token; the router leads to the log-in page. */
let onExpired = () => {};

function keep(newToken, { forThisWindow }) {
  (forThisWindow ? sessionStorage : localStorage).setItem(KEY, newToken);
  token.value = newToken;
  isWindowOwn.value = forThisWindow;
}

function forget() {
  (isWindowOwn.value ? sessionStorage : localStorage).removeItem(KEY);
  // A window that had its own token shows its log-in page, not whoever else is logged in.
  token.value = null;
  user.value = null;
  disconnectPusher();
}

useSession({
  token: () => token.value,
  expired: () => {
    forget();
    onExpired();
  },
});

// Another window has logged out, or in as somebody else.
window.addEventListener("storage", ({ key, newValue }) => {
  if (key !== KEY || isWindowOwn.value || newValue === token.value) return;
  window.location.reload();
});

async function logIn(email, password, { forThisWindow = isWindowOwn.value } = {}) {
  const answer = await api.logIn(email, password);
  keep(answer.token, { forThisWindow });
  user.value = answer.user;
}

async function register(form) {
  const answer = await api.register(form);
  keep(answer.token, { forThisWindow: isWindowOwn.value });
  user.value = answer.user;
}

async function logOut() {
  try {
    await api.logOut();
  } catch {
    // Here it ends in any case; a server that is away cannot revoke anything now.
  }
  forget();
}

/** Who the token belongs to. */
async function load() {
  if (token.value && !user.value) user.value = await api.user();
}

export function useAuth() {
  return {
    token,
    user,
    isLoggedIn: computed(() => token.value !== null),
    isWindowOwn,
    logIn,
    register,
    logOut,
    load,
    whenExpired: (callback) => (onExpired = callback),
  };
}

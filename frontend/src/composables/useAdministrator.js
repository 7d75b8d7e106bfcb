// The administrator whose token this window has.
import { computed, ref } from "vue";
import * as adminApi from "../lib/adminApi.js";

/** `{name, abilities, expires_at, …}`; `null`: there is no token, or it was not verified yet. */
const administrator = ref(null);
/** Why the page asks for a token again. */
const rejection = ref("");

async function useToken(token) {
  administrator.value = await adminApi.verify(token);
  adminApi.storeToken(token);
  rejection.value = "";
}

/** Verifies the token of this window, if it has one. */
async function restore() {
  const token = adminApi.storedToken();
  if (!token) return;
  try {
    administrator.value = await adminApi.verify(token);
  } catch (error) {
    if (error.isTokenInvalid) adminApi.forgetToken();
    throw error;
  }
}

function forget() {
  adminApi.forgetToken();
  administrator.value = null;
}

adminApi.setOnRejected((message) => {
  rejection.value = message;
  forget();
});

const abilities = computed(() => administrator.value?.abilities ?? []);
const can = (ability) => abilities.value.includes(ability);

export function useAdministrator() {
  return { administrator, abilities, rejection, can, useToken, restore, forget };
}

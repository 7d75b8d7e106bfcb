// The routes. Without a token, protected routes redirect to the login page, which returns to the
// requested route after a successful login. The heading of another page gets the focus.
import { nextTick } from "vue";
import { createRouter, createWebHistory } from "vue-router";
import { useAuth } from "./composables/useAuth.js";
import AccessTokens from "./pages/AccessTokens.vue";
import ActiveSessions from "./pages/ActiveSessions.vue";
import Dashboard from "./pages/Dashboard.vue";
import Login from "./pages/Login.vue";
import NotFound from "./pages/NotFound.vue";
import Register from "./pages/Register.vue";

const { isLoggedIn, onSessionExpired } = useAuth();

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "dashboard", component: Dashboard, meta: { title: "Dashboard" } },
    { path: "/login", name: "login", component: Login, meta: { title: "Log in", isPublic: true } },
    {
      path: "/register",
      name: "register",
      component: Register,
      meta: { title: "Create account", isPublic: true },
    },
    {
      path: "/tokens",
      name: "tokens",
      component: AccessTokens,
      meta: { title: "Access tokens" },
    },
    {
      path: "/sessions",
      name: "sessions",
      component: ActiveSessions,
      meta: { title: "Sessions" },
    },
    {
      path: "/debug",
      name: "debug",
      // Few users need the console, so it is not part of the entry bundle.
      component: () => import("./pages/DebugConsole.vue"),
      meta: { title: "Debug console" },
    },
    {
      path: "/admin/:section?",
      name: "administration",
      // It asks for a token of its own.
      component: () => import("./pages/AdminConsole.vue"),
      meta: { title: "Administration", isPublic: true },
    },
    {
      path: "/:path(.*)*",
      name: "not-found",
      component: NotFound,
      meta: { title: "Page not found", isPublic: true },
    },
  ],
});

router.beforeEach((to) => {
  // A logged-in user skips the login page, unless the window was opened for another user.
  if (to.name === "login" && isLoggedIn.value && !to.query.as) return { name: "dashboard" };
  if (to.meta.isPublic || isLoggedIn.value) return true;
  return { name: "login", query: to.fullPath === "/" ? {} : { back: to.fullPath } };
});

router.afterEach(async (to, from) => {
  document.title = `${to.meta.title} · matchcast`;
  if (!from.name || from.name === to.name) return;
  // Another page: screen readers announce its heading, and the Tab key continues from there.
  await nextTick();
  const heading = document.querySelector("main h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
});

onSessionExpired(() => {
  const from = router.currentRoute.value;
  if (from.meta.isPublic) return;
  const back = from.fullPath === "/" ? {} : { back: from.fullPath };
  router.replace({ name: "login", query: { ...back, reason: "expired" } });
});

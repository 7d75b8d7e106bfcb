// The pages, and who may see them: without a token every way leads to the log-in page and, after
// it, back to where one wanted to go.
import { createRouter, createWebHistory } from "vue-router";
import { useAuth } from "./composables/useAuth.js";
import Dashboard from "./pages/Dashboard.vue";
import Login from "./pages/Login.vue";
import NotFound from "./pages/NotFound.vue";
import Register from "./pages/Register.vue";

const { isLoggedIn, whenExpired } = useAuth();

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/", name: "dashboard", component: Dashboard, meta: { title: "Dashboard" } },
    { path: "/login", name: "login", component: Login, meta: { title: "Log in", open: true } },
    {
      path: "/register",
      name: "register",
      component: Register,
      meta: { title: "Create an account", open: true },
    },
    {
      path: "/debug",
      name: "debug",
      // Few look at it: it is no part of what everybody loads.
      component: () => import("./pages/DebugConsole.vue"),
      meta: { title: "Debug console" },
    },
    {
      path: "/:path(.*)*",
      name: "not-found",
      component: NotFound,
      meta: { title: "Not found", open: true },
    },
  ],
});

router.beforeEach((to) => {
  // Who is logged in has no business there, unless the window is to become somebody else's.
  if (to.name === "login" && isLoggedIn.value && !to.query.as) return { name: "dashboard" };
  if (to.meta.open || isLoggedIn.value) return true;
  return { name: "login", query: to.fullPath === "/" ? {} : { back: to.fullPath } };
});

router.afterEach((to) => {
  document.title = `${to.meta.title} · matchcast`;
});

whenExpired(() => {
  const from = router.currentRoute.value;
  if (from.meta.open) return;
  const back = from.fullPath === "/" ? {} : { back: from.fullPath };
  router.replace({ name: "login", query: { ...back, reason: "expired" } });
});

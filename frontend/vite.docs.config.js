import { defineConfig } from "vite";

// The reference of the API. Built apart from the dashboard, so that they share no chunk, which
// would be one more request before the dashboard's first paint.
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    emptyOutDir: false,
    rollupOptions: { input: "docs.html" },
    chunkSizeWarningLimit: 2000,
  },
});

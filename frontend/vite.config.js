import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// The build directory is part of the checkout, so that cargo detects changes in it. Vite empties
// the directory, so the build writes its .gitignore again.
const GITIGNORE =
  "# Build output that becomes part of the binary. Not committed.\n*\n!.gitignore\n";
const keepDirectory = {
  name: "keep-directory",
  apply: "build",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: ".gitignore", source: GITIGNORE });
  },
};

const backend = process.env.MATCHCAST_URL ?? "http://127.0.0.1:8080";
const proxied = { target: backend, changeOrigin: false };

export default defineConfig({
  plugins: [vue(), keepDirectory],
  server: {
    port: 5173,
    // `/app/{key}` is the WebSocket of the embedded provider. Other paths that start with `/app`
    // are files of the page.
    proxy: {
      "/api": proxied,
      "/broadcasting": proxied,
      "^/app/[^/]+(\\?.*)?$": { ...proxied, ws: true },
    },
  },
  build: { target: "es2022", modulePreload: { polyfill: false } },
  // The deadline only matters for a test that fails, so it is long enough for a busy machine.
  test: { environment: "jsdom", include: ["tests/**/*.test.js"], testTimeout: 60_000 },
});

import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// The checkout keeps the directory of the build, so that cargo notices when something is built
// into it; the build empties the directory, so it writes this file again.
const KEEP = "# What is built here goes into the binary; none of it is kept.\n*\n!.gitignore\n";
const keepDirectory = {
  name: "keep-directory",
  apply: "build",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: ".gitignore", source: KEEP });
  },
};

const backend = process.env.MATCHCAST_URL ?? "http://127.0.0.1:8080";
const proxied = { target: backend, changeOrigin: false };

export default defineConfig({
  plugins: [vue(), keepDirectory],
  server: {
    port: 5173,
    // `/app/` is the embedded provider's WebSocket; the page's own `/app…` files are none of it.
    proxy: {
      "/api": proxied,
      "/broadcasting": proxied,
      "^/app/[^/]+(\\?.*)?$": { ...proxied, ws: true },
    },
  },
  build: { target: "es2022", modulePreload: { polyfill: false } },
  test: { environment: "jsdom", include: ["tests/**/*.test.js"] },
});

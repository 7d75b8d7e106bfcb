// Light, dark, or as the system has it.
import { ref, watchEffect } from "vue";

const KEY = "theme";
const THEMES = ["system", "light", "dark"];

const stored = localStorage.getItem(KEY);
const theme = ref(THEMES.includes(stored) ? stored : "system");
/** Counts changes, for what must be drawn anew. */
const changes = ref(0);

watchEffect(() => {
  if (theme.value === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset.theme = theme.value;
    localStorage.setItem(KEY, theme.value);
  }
  changes.value++;
});
window.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", () => {
  changes.value++;
});

function next() {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
}

export function useTheme() {
  return { theme, changes, next };
}

// The color theme: light, dark, or the system's.
import { ref, watchEffect } from "vue";

const KEY = "theme";
const THEMES = ["system", "light", "dark"];

const stored = localStorage.getItem(KEY);
const theme = ref(THEMES.includes(stored) ? stored : "system");
/** Incremented with each change, for components that must be redrawn. */
const themeVersion = ref(0);

watchEffect(() => {
  if (theme.value === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset.theme = theme.value;
    localStorage.setItem(KEY, theme.value);
  }
  themeVersion.value++;
});
window.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", () => {
  themeVersion.value++;
});

function cycleTheme() {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
}

export function useTheme() {
  return { theme, themeVersion, cycleTheme };
}

// How the debug console shows the data of an entry.

/** JSON on several lines; text that would lose something by it stays as it is. */
export function indentJson(text) {
  try {
    const value = JSON.parse(text);
    return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}

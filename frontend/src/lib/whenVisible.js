/**
 * Calls the function once: now, or when the page becomes visible if it is hidden. A hidden page
 * needs no news, and costs the server nothing.
 * @returns a function that cancels the call
 */
export function whenVisible(callback) {
  const isHidden = () => document.visibilityState === "hidden";
  if (!isHidden()) {
    callback();
    return () => {};
  }
  const stop = () => document.removeEventListener("visibilitychange", onChange);
  function onChange() {
    if (isHidden()) return;
    stop();
    callback();
  }
  document.addEventListener("visibilitychange", onChange);
  return stop;
}

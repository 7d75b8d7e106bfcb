// Waits for a condition instead of sleeping. The deadline only matters for a test that fails, so it
// is long enough for a machine that is busy with other work.

const POLL_INTERVAL_MS = 10;
export const TIMEOUT_MS = 60_000;

export async function waitUntil(description, condition, timeoutMs = TIMEOUT_MS) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out after ${timeoutMs} ms: ${description}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

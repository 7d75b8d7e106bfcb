// Places orders so that one whose response was lost can be repeated: it is executed only once.
import * as api from "../api.js";

const KEY_BYTES = 16;
const REPEATABLE =
  "The order may have been placed. You can place it again: it is executed only once.";

// crypto.randomUUID is missing on pages without TLS.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the order may be executed, now or later, although this error was the response to it. */
function isOutcomeUnknown({ status, code }) {
  const isUnknown = code === "outcome_unknown" || code === "idempotency_key_in_flight";
  return isUnknown || status === 0 || status === 502 || status === 504;
}

/** Whether the order was refused unread, which says nothing about an earlier request. */
function isRefusedUnread({ status }) {
  return status >= 500 || [401, 408, 419, 429].includes(status);
}

export function useRepeatableOrder() {
  /** The last order while its outcome is unknown. */
  let unanswered = null;

  /**
   * Places an order. The same order as one whose outcome is unknown is that order again.
   * @returns the order and its trades
   */
  async function place(order) {
    const content = JSON.stringify(order);
    const key = unanswered?.content === content ? unanswered.key : newKey();
    try {
      const placed = await api.placeOrder(order, key);
      unanswered = null;
      return placed;
    } catch (error) {
      // The refusal of a repetition says nothing about the first request, which may still arrive.
      const isRepeated = unanswered?.key === key;
      const isUnknown = isOutcomeUnknown(error) || (isRepeated && isRefusedUnread(error));
      unanswered = isUnknown ? { content, key } : null;
      if (unanswered) error.message += ` ${REPEATABLE}`;
      throw error;
    }
  }

  return { place };
}

// Places orders so that one whose response was lost can be repeated: it is executed only once.
import * as api from "../api.js";

const ID_BYTES = 16;
const REPEATABLE =
  "The order may have been placed. You can place it again: it is executed only once.";

// crypto.randomUUID is missing on pages without TLS.
function newClientOrderId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the order may have been executed although this error was the response to it. */
function isOutcomeUnknown({ status, code }) {
  return status === 0 || status === 502 || status === 504 || code === "outcome_unknown";
}

export function useRepeatableOrder() {
  /** The last order while its outcome is unknown. */
  let unanswered = null;

  /**
   * Places an order. The same order as one whose outcome is unknown is that order again.
   * @returns the order and its trades; no trades if it was placed by an earlier call
   */
  async function place(order) {
    const content = JSON.stringify(order);
    const id = unanswered?.content === content ? unanswered.id : newClientOrderId();
    try {
      const placed = await api.placeOrder({ ...order, client_order_id: id });
      unanswered = null;
      return placed;
    } catch (error) {
      if (error.code === "client_order_id_taken") {
        const { order } = await api.orderByClientId(id);
        unanswered = null;
        return { order, trades: [] };
      }
      // The refusal of a repetition says nothing about the first request, which may still arrive.
      const isRepeated = unanswered?.id === id;
      unanswered = isRepeated || isOutcomeUnknown(error) ? { content, id } : null;
      if (unanswered) error.message += ` ${REPEATABLE}`;
      throw error;
    }
  }

  return { place };
}

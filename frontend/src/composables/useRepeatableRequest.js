// Sends requests so that one whose response was lost can be repeated: it is executed only once.

const KEY_BYTES = 16;

// crypto.randomUUID is missing on pages without TLS.
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the request may be executed, now or later, although it was answered with this error. */
function isOutcomeUnknown({ status, code }) {
  const isUnknown = code === "outcome_unknown" || code === "idempotency_key_in_flight";
  return isUnknown || status === 0 || status === 502 || status === 504;
}

/** Whether the request was refused unread, which says nothing about an earlier request. */
function isRefusedUnread({ status }) {
  return status >= 500 || [401, 408, 419, 429].includes(status);
}

/**
 * @param send sends a request: `(content, key) => response`
 * @param advice for the user, added to the error if the outcome of the request is unknown
 * @returns a function from the content of a request to its response
 */
export function useRepeatableRequest(send, advice) {
  /** The last request while its outcome is unknown. */
  let unanswered = null;

  /** A request with the same content as one whose outcome is unknown is that request again. */
  return async function sendOnce(content) {
    const text = JSON.stringify(content);
    const key = unanswered?.text === text ? unanswered.key : newKey();
    try {
      const response = await send(content, key);
      unanswered = null;
      return response;
    } catch (error) {
      // The refusal of a repetition says nothing about the first request, which may still arrive.
      const isRepeated = unanswered?.key === key;
      const isUnknown = isOutcomeUnknown(error) || (isRepeated && isRefusedUnread(error));
      unanswered = isUnknown ? { text, key } : null;
      if (unanswered) error.message += ` ${advice}`;
      throw error;
    }
  };
}

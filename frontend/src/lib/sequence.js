// Detects duplicate and missing events by their sequence numbers, which have no gaps.

export const NEXT = "next";
export const GAP = "gap";
export const STALE = "stale";

/** The first number is accepted whatever it is; so is the first one after `reset`. */
export function createSequenceTracker() {
  let last = null;
  return {
    /** `NEXT`, `GAP` if earlier numbers are missing, or `STALE` for duplicates and late events. */
    classify(number) {
      if (last !== null && number <= last) return STALE;
      const result = last === null || number === last + 1 ? NEXT : GAP;
      last = number;
      return result;
    },
    reset() {
      last = null;
    },
  };
}

// Events that are numbered without a hole: whether one has come before, and whether one is missing.

export const NEXT = "next";
export const GAP = "gap";
export const OLD = "old";

/** Numbers begin anew with whatever comes first, and with whatever comes after `reset`. */
export function newSequence() {
  let last = null;
  return {
    /** `NEXT`, `GAP` when numbers before this one have not come, or `OLD`: not to be told. */
    place(number) {
      if (last !== null && number <= last) return OLD;
      const place = last === null || number === last + 1 ? NEXT : GAP;
      last = number;
      return place;
    },
    reset() {
      last = null;
    },
  };
}

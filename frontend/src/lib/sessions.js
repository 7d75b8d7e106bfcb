// What the sessions of a user are called.

/** What the client of a session keeps. */
export const KIND_LABELS = { token: "Token", cookie: "Cookie" };

/** The client that has last used a session. */
export const clientName = ({ client }) => client ?? "Unknown client";

export const countSessions = (count) => (count === 1 ? "1 session" : `${count} sessions`);

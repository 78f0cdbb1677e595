// What an account may be called, whichever door it comes in by: it has to fit into a path, a cursor and a log line.

/** A letter or digit, then letters, digits, dots, underscores or dashes; at most 64. */
export const ACCOUNT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

// What is kept of an error, for people.

const MAX_REASON = 2000;

/** Name and text of an error, as PostgreSQL can keep it. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  // PostgreSQL keeps no U+0000.
  return text.replaceAll('\0', '').slice(0, MAX_REASON);
}

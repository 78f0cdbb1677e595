// How long to wait before trying again: twice as long each time, up to a limit, and never all at the same moment.

/** The first wait, and the longest, in milliseconds. */
export interface Backoff {
  readonly firstMs: number;
  readonly mostMs: number;
}

const MAX_DOUBLINGS = 30;

/** Between half and all of `firstMs * 2^(attempt - 1)`; `attempt` is 1 after the first failure. */
export function delayOf({ firstMs, mostMs }: Backoff, attempt: number): number {
  const full = Math.min(firstMs * 2 ** Math.min(attempt - 1, MAX_DOUBLINGS), mostMs);
  return full * (1 - Math.random() / 2);
}

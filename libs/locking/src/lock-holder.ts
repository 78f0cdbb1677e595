// How a lock can be held, and by whom.

/**
 * S shares, X excludes. U is for who reads and may ask for X later: beside it others may read, but none that may write. Two
 * that both hold S and ask for X cannot both have it: the younger is wounded.
 */
export type LockMode = 'S' | 'U' | 'X';

/** Whoever is in the way of a lock: holds it, or is to have it first. */
export interface LockHolder {
  readonly owner: string;
  /** The process. */
  readonly label: string;
  readonly mode: LockMode;
  readonly prepared: boolean;
  /** False: it waits, but for longer. */
  readonly holds: boolean;
}

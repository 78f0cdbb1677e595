// The port under which keys of data subjects are kept. What it keeps is wrapped: no adapter ever sees a key.
import type { WrappedKey } from './master-keys.js';

/** One key of a subject; without `key` a tombstone. The first generation is 1. */
export interface SubjectKey {
  readonly subject: string;
  readonly generation: number;
  readonly key: WrappedKey | undefined;
}

/** A key to store. */
export interface NewSubjectKey extends SubjectKey {
  readonly key: WrappedKey;
}

/** Who forgot, and why: kept with the tombstone, so nothing personal belongs in it. */
export interface Forgetting {
  readonly reason: string;
  readonly by?: string;
}

/** What came of it: `unknown` when there never was a key, which may be a wrong id. A tombstone is there in any case. */
export type ForgetOutcome = 'forgotten' | 'forgotten-before' | 'unknown';

/** A key that is wrapped by another master key than the present one. */
export interface FormerKey extends NewSubjectKey {
  readonly tenant: string;
}

/** Keeps the keys of data subjects. Everything is durable when it resolves, whatever transaction is running. */
export abstract class SubjectKeys {
  /** All keys and tombstones of these subjects. */
  abstract find(tenant: string, subjects: readonly string[]): Promise<SubjectKey[]>;

  /** Adds keys where there is neither key nor tombstone of that generation: of several who do so, one is first. */
  abstract add(tenant: string, keys: readonly NewSubjectKey[]): Promise<void>;

  /** Deletes the key and leaves a tombstone. */
  abstract forget(tenant: string, subject: string, forgetting: Forgetting): Promise<ForgetOutcome>;

  /** Some keys of any tenant that another master key has wrapped. */
  abstract wrappedByOthers(masterKeyId: string, limit: number): Promise<FormerKey[]>;

  /** Puts a key wrapped anew in the place of `old`, if that is still there. */
  abstract replace(old: FormerKey, key: WrappedKey): Promise<void>;

  /** Tells everybody, in every process, that what they know of keys is out of date. */
  abstract announce(): void;

  /** Calls back when it is told so; a hint, which may be lost. */
  abstract onChanged(listener: () => void): void;
}

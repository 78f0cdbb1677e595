// The port through which personal fields are sealed before events are stored, and opened for who reads them.
import { ConcordError } from './errors.js';
import type { NewEvent } from './event.js';
import type { StreamName } from './stream-name.js';

/** The key under which stored data keep what is sealed of them; in its place stand the replacements. */
export const SEALED = '$personal';

/** Events to append to one stream, checked and complete. */
export interface SealableAppend {
  readonly stream: StreamName;
  readonly events: readonly Required<NewEvent>[];
}

/** Stored data, and where they stand. Without an id where it is not read: where aggregates are loaded. */
export interface SealedEvent {
  readonly stream: StreamName;
  readonly type: string;
  readonly data: unknown;
  readonly id?: string;
}

/** Seals personal fields under keys that can be deleted, and opens them for as long as their keys are there. */
export interface EventSeal {
  /** Whether events of this type have personal fields. */
  isPersonal(type: string): boolean;

  /**
   * Grows whenever what was opened before may not be used any more: when a subject was forgotten and, because nobody may
   * have told, every few seconds.
   */
  readonly epoch: number;

  /**
   * The appends as they may be stored: the very same where nothing is personal. The same event is always sealed to the
   * same data. A promise only where a key is not at hand.
   */
  seal<Append extends SealableAppend>(
    tenant: string,
    appends: readonly Append[],
  ): readonly Append[] | Promise<readonly Append[]>;

  /** The data as they were appended, or with replacements where the key was deleted; in the order of the events. */
  open(tenant: string, events: readonly SealedEvent[]): Promise<readonly unknown[]>;
}

/** Personal fields were read by a process that has no keys: give it the master key. */
export class PersonalDataSealed extends ConcordError {
  readonly code = 'personal-data-sealed';
}

/** Whether stored data have something sealed. */
export function isSealed(data: unknown): boolean {
  return typeof data === 'object' && data !== null && SEALED in data;
}

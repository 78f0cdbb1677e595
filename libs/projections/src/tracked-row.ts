// What a row was when it was last read or written: kept with the row, where nobody else sees it, for changes() and for
// updates that have nothing to write.
import type { ObjectLiteral } from 'typeorm';

/** The stored values of a row; undefined for one that was made in memory and never stored. */
export let storedOf: (row: object) => ObjectLiteral | undefined;
/** Remembers them. Rows that are no Active Records are passed over. */
export let keepStored: (row: object, stored: ObjectLiteral) => void;

export abstract class TrackedRow {
  // A private field rather than a WeakMap: rows come by the hundred thousand, and no column can have its name.
  #stored: ObjectLiteral | undefined;

  static {
    storedOf = (row) => (#stored in row ? row.#stored : undefined);
    keepStored = (row, stored) => {
      if (#stored in row) row.#stored = stored;
    };
  }
}

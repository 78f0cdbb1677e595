// A row as an object: columns as properties, behaviour of its own, and the statements that find and store it.
import type { ValueTransformer } from 'typeorm';
import { ReadModelIsReadOnly } from './row-errors.js';
import { currentRowScope } from './row-scope.js';
import { RowSession } from './row-session.js';
import { assertValid, hasRules } from './validation.js';
import { type RowType, ViewRecord } from './view-record.js';

export type { RowType };

/** Keeps a column of whole numbers beyond 2^53 (numeric, bigint) as a bigint property. */
export const asBigint: ValueTransformer = {
  to: (value?: bigint | null) => value?.toString() ?? value,
  from: (value?: string | null) => (typeof value === 'string' ? BigInt(value) : value),
};

/**
 * Base of row classes. Every call uses the ambient transaction, database and tenant; there is no static connection. In a
 * projector, a row that is found twice is the same object, and changes are written together when its batch is done.
 */
export abstract class ActiveRecord extends ViewRecord {
  /** Owned tables are written by anyone, not by projectors from events; they are not rebuilt. */
  static readonly owned: boolean = false;

  /** Makes a row in memory; insert() stores it. */
  static of<Row extends ActiveRecord>(this: RowType<Row>, columns: Partial<Row>): Row {
    return Object.assign(new this(), columns);
  }

  /** Stores a new row. Errors: ReadModelIsReadOnly; RowInvalid; when it is there already it throws, or the database does. */
  async insert(): Promise<this> {
    await write(this, 'insert');
    return this;
  }

  /**
   * Stores the present values of a row that exists; in a projector nothing is sent when it has not changed. Errors:
   * ReadModelIsReadOnly; RowInvalid; RowIsStale; when the row is gone it throws.
   */
  async update(): Promise<this> {
    await write(this, 'update');
    return this;
  }

  /** Removes the row. Errors: ReadModelIsReadOnly; RowIsStale. */
  async delete(): Promise<void> {
    await write(this, 'delete');
  }
}

async function write(row: ActiveRecord, change: 'insert' | 'update' | 'delete'): Promise<void> {
  const type = row.constructor as RowType<ActiveRecord> & { readonly owned: boolean };
  const { database, session } = currentRowScope(type.name);
  if (!session && !type.owned) throw new ReadModelIsReadOnly(type.name);
  const own = session ?? new RowSession(database);
  // Here, too, and not only before all is written: who wrote it learns of it, and which event it was.
  if (change !== 'delete' && hasRules(type)) await own.after(assertValid(row), () => own[change](row));
  else own[change](row);
  if (!session) await own.flush();
}

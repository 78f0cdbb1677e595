// A row as an object: columns as properties, behaviour of its own, and the statements that find and store it.
import { type FindOptionsOrder, type FindOptionsWhere, PrimaryColumn, type ValueTransformer } from 'typeorm';
import { ReadModelIsReadOnly } from './row-errors.js';
import { currentRowScope } from './row-scope.js';
import { type RowClass, type RowKey, RowSession } from './row-session.js';

/** A row class: a TypeORM entity that extends ActiveRecord. */
export interface RowType<Row extends ActiveRecord> extends RowClass<Row> {
  readonly owned: boolean;
}

/** What to find. The tenant is added to every condition. */
export interface FindRows<Row> {
  readonly where?: FindOptionsWhere<Row>;
  readonly order?: FindOptionsOrder<Row>;
  readonly limit?: number;
}

/** Keeps a column of whole numbers beyond 2^53 (numeric, bigint) as a bigint property. */
export const asBigint: ValueTransformer = {
  to: (value?: bigint | null) => value?.toString() ?? value,
  from: (value?: string | null) => (typeof value === 'string' ? BigInt(value) : value),
};

/**
 * Base of row classes. Every call uses the ambient transaction, database and tenant; there is no static connection. In a
 * projector, a row that is found twice is the same object, and changes are written together when its batch is done.
 */
export abstract class ActiveRecord {
  /** Owned tables are written by anyone, not by projectors from events; they are not rebuilt. */
  static readonly owned: boolean = false;

  /** Part of every key; set when the row is stored. */
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  /** The one row that matches, or undefined. */
  static find<Row extends ActiveRecord>(this: RowType<Row>, where: FindOptionsWhere<Row>): Promise<Row | undefined> {
    return reader(this).find(this, where);
  }

  /** All rows that match. */
  static findBy<Row extends ActiveRecord>(this: RowType<Row>, { where, order, limit }: FindRows<Row>): Promise<Row[]> {
    return reader(this).findBy(this, {
      ...(where && { where }),
      ...(order && { order }),
      ...(limit !== undefined && { take: limit }),
    });
  }

  /** Names a row by its whole key: for `rows` of @On, which has all rows of a batch loaded by one statement. */
  static at<Row extends ActiveRecord>(this: RowType<Row>, key: FindOptionsWhere<Row>): RowKey {
    return { type: this, where: key };
  }

  /** Makes a row in memory; insert() stores it. */
  static of<Row extends ActiveRecord>(this: RowType<Row>, columns: Partial<Row>): Row {
    return Object.assign(new this(), columns);
  }

  /** Stores a new row. Errors: ReadModelIsReadOnly; when it is there already it throws, or the database does. */
  async insert(): Promise<this> {
    await write(this, 'insert');
    return this;
  }

  /** Stores the present values of a row that exists. Errors: ReadModelIsReadOnly; when the row is gone it throws. */
  async update(): Promise<this> {
    await write(this, 'update');
    return this;
  }

  /** Removes the row. Errors: ReadModelIsReadOnly. */
  async delete(): Promise<void> {
    await write(this, 'delete');
  }
}

function reader(type: { readonly name: string }): RowSession {
  const { database, session } = currentRowScope(type.name);
  return session ?? new RowSession(database);
}

async function write(row: ActiveRecord, change: 'insert' | 'update' | 'delete'): Promise<void> {
  const type = row.constructor as RowType<ActiveRecord>;
  const { database, session } = currentRowScope(type.name);
  if (!session && !type.owned) throw new ReadModelIsReadOnly(type.name);
  const own = session ?? new RowSession(database);
  own[change](row);
  if (!session) await own.flush();
}

// A row as an object: columns as properties, behaviour of its own, and the statements that find and store it. Always in
// the ambient transaction, database and tenant.
import {
  type EntityManager,
  type EntityTarget,
  type FindManyOptions,
  type FindOptionsOrder,
  type FindOptionsWhere,
  type ObjectLiteral,
  PrimaryColumn,
  type ValueTransformer,
} from 'typeorm';
import { currentTenant } from '@concord/tenancy';
import { currentRowScope, ReadModelIsReadOnly } from './row-scope.js';

/** A row class: a TypeORM entity that extends ActiveRecord. */
export interface RowType<Row extends ActiveRecord> {
  new (): Row;
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

export abstract class ActiveRecord {
  /** Owned tables are written by anyone, not by projectors from events; they are not rebuilt. */
  static readonly owned: boolean = false;

  /** Part of every key; set by insert(). */
  @PrimaryColumn({ name: 'tenant_id', type: 'text' })
  tenantId!: string;

  /** The one row that matches, or undefined. */
  static async find<Row extends ActiveRecord>(
    this: RowType<Row>,
    where: FindOptionsWhere<Row>,
  ): Promise<Row | undefined> {
    const [row] = await managerOf(this).find(this, { where: ofTenant(where), take: 1 } as FindManyOptions<Row>);
    return row;
  }

  /** All rows that match. */
  static findBy<Row extends ActiveRecord>(this: RowType<Row>, options: FindRows<Row>): Promise<Row[]> {
    const { where = {}, order, limit } = options;
    return managerOf(this).find(this, {
      where: ofTenant(where),
      ...(order && { order }),
      ...(limit !== undefined && { take: limit }),
    } as FindManyOptions<Row>);
  }

  /** Makes a row in memory; insert() stores it. */
  static of<Row extends ActiveRecord>(this: RowType<Row>, columns: Partial<Row>): Row {
    return Object.assign(new this(), columns);
  }

  /** Stores a new row. Errors: ReadModelIsReadOnly; the database's, when the key is taken. */
  async insert(): Promise<this> {
    this.tenantId = currentTenant();
    await this.writer().insert(this.entity, { ...this });
    return this;
  }

  /** Stores the present values of a row that exists. Errors: ReadModelIsReadOnly; when the row is gone it throws. */
  async update(): Promise<this> {
    const result = await this.writer().update(this.entity, this.key(), { ...this });
    if (result.affected !== 1) throw new Error(`${this.rowType.name} ${JSON.stringify(this.key())} is not there to update`);
    return this;
  }

  /** Removes the row. Errors: ReadModelIsReadOnly. */
  async delete(): Promise<void> {
    await this.writer().delete(this.entity, this.key());
  }

  private get rowType(): RowType<this> {
    return this.constructor as RowType<this>;
  }

  private get entity(): EntityTarget<ObjectLiteral> {
    return this.rowType;
  }

  private writer(): EntityManager {
    if (!currentRowScope(this.rowType.name).projecting && !this.rowType.owned) throw new ReadModelIsReadOnly(this.rowType.name);
    return managerOf(this.rowType);
  }

  /** The key under the running tenant, whatever the property says: no row of another tenant is ever reached. */
  private key(): ObjectLiteral {
    const { primaryColumns } = managerOf(this.rowType).dataSource.getMetadata(this.rowType);
    const values = primaryColumns.map((column) => [column.propertyName, column.getEntityValue(this) as unknown]);
    return { ...Object.fromEntries(values), tenantId: currentTenant() };
  }
}

function managerOf(type: { readonly name: string }): EntityManager {
  const { database } = currentRowScope(type.name);
  return database.current?.manager ?? database.dataSource.manager;
}

function ofTenant<Row>(where: FindOptionsWhere<Row>): FindOptionsWhere<Row> {
  return { ...where, tenantId: currentTenant() };
}

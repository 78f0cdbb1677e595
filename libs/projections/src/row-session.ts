// The rows that a projector touches in one batch: each is loaded once, changed in memory, and written at the end, with
// one statement a table for all inserts, one for all updates and one for all deletes.
import type { Database } from '@concord/database';
import { currentTenant } from '@concord/tenancy';
import type { EntityMetadata, FindManyOptions, FindOptionsWhere, ObjectLiteral } from 'typeorm';

/** A row of some tenant. */
export interface TenantRow {
  tenantId: string;
}

/** A row class: a TypeORM entity. */
export type RowClass<Row extends TenantRow> = new () => Row;

/** `absent`: looked for and not there. `new`, `changed` and `deleted` wait to be written. */
type State = 'absent' | 'clean' | 'new' | 'changed' | 'deleted';

interface Tracked {
  row: TenantRow | undefined;
  state: State;
}

type Identities = Map<string, Tracked>;

export class RowSession {
  private readonly tables = new Map<RowClass<TenantRow>, Identities>();

  constructor(private readonly database: Database) {}

  /** By its whole key: from memory when it was seen before. By anything else: from the database, once what waits is written. */
  async find<Row extends TenantRow>(type: RowClass<Row>, where: FindOptionsWhere<Row>): Promise<Row | undefined> {
    const key = this.keyIn(type, where);
    if (key === undefined) return (await this.findBy(type, { where, take: 1 }))[0];
    const known = this.identities(type).get(key);
    if (known) return this.present(known) as Row | undefined;
    const row = await this.load(type, ofTenant(where));
    this.identities(type).set(key, { row, state: row ? 'clean' : 'absent' });
    return row;
  }

  async findBy<Row extends TenantRow>(type: RowClass<Row>, options: FindManyOptions<Row>): Promise<Row[]> {
    await this.flush();
    const where = ofTenant((options.where ?? {}) as FindOptionsWhere<Row>);
    const rows = await this.database.read((manager) => manager.find(type, { ...options, where }));
    return rows.map((row) => {
      const known = this.identities(type).get(this.keyOf(row));
      if (known?.row && known.state === 'clean') return known.row as Row;
      this.track(row, 'clean');
      return row;
    });
  }

  insert(row: TenantRow): void {
    row.tenantId = currentTenant();
    const known = this.identities(typeOf(row)).get(this.keyOf(row));
    if (known && this.present(known)) throw new Error(`${describe(row)} is there already`);
    // A row that is deleted in the same batch is still in the table: its successor overwrites it.
    this.track(row, known?.state === 'deleted' ? 'changed' : 'new');
  }

  update(row: TenantRow): void {
    row.tenantId = currentTenant();
    const known = this.identities(typeOf(row)).get(this.keyOf(row));
    if (known && !this.present(known)) throw new Error(`${describe(row)} is not there to update`);
    this.track(row, known?.state === 'new' ? 'new' : 'changed');
  }

  delete(row: TenantRow): void {
    row.tenantId = currentTenant();
    const known = this.identities(typeOf(row)).get(this.keyOf(row));
    this.track(row, known?.state === 'new' ? 'absent' : 'deleted');
  }

  /** Writes what waits. Errors: the database's (a key that is taken), or a row to update that is not there. */
  async flush(): Promise<void> {
    for (const [type, identities] of this.tables) {
      await this.write(type, identities, 'deleted');
      await this.write(type, identities, 'new');
      await this.write(type, identities, 'changed');
    }
  }

  private async write(
    type: RowClass<TenantRow>,
    identities: Identities,
    state: 'new' | 'changed' | 'deleted',
  ): Promise<void> {
    const waiting = [...identities.values()].filter((tracked) => tracked.state === state);
    if (waiting.length === 0) return;
    const metadata = this.database.dataSource.getMetadata(type);
    const rows = waiting.map(({ row }) => valuesOf(metadata, row as TenantRow));
    const written = await this.database.query(statements(metadata)[state], [JSON.stringify(rows)]);
    if (state === 'changed' && written.length !== rows.length) {
      throw new Error(`${type.name}: ${rows.length - written.length} of ${rows.length} rows to update are not there`);
    }
    for (const tracked of waiting) tracked.state = state === 'deleted' ? 'absent' : 'clean';
  }

  /** A prepared statement and TypeORM's own hydration: a fifth of the time that its query builder takes. */
  private async load<Row extends TenantRow>(type: RowClass<Row>, key: ObjectLiteral): Promise<Row | undefined> {
    const { dataSource } = this.database;
    const metadata = dataSource.getMetadata(type);
    const values = metadata.primaryColumns.map((column): unknown =>
      dataSource.driver.preparePersistentValue(key[column.propertyName], column),
    );
    const [stored] = await this.database.query<ObjectLiteral>(statements(metadata).find, values);
    if (!stored) return undefined;
    const row = new type();
    for (const column of metadata.columns) {
      const value: unknown = stored[column.databaseName];
      const text = typeof value === 'bigint' ? value.toString() : value;
      column.setEntityValue(row, dataSource.driver.prepareHydratedValue(text, column));
    }
    return row;
  }

  private present(tracked: Tracked): TenantRow | undefined {
    return tracked.state === 'absent' || tracked.state === 'deleted' ? undefined : tracked.row;
  }

  private track(row: TenantRow, state: State): void {
    this.identities(typeOf(row)).set(this.keyOf(row), { row, state });
  }

  private identities(type: RowClass<TenantRow>): Identities {
    const known = this.tables.get(type) ?? new Map<string, Tracked>();
    this.tables.set(type, known);
    return known;
  }

  private keyOf(row: TenantRow): string {
    const { primaryColumns } = this.database.dataSource.getMetadata(typeOf(row));
    return identity(primaryColumns.map((column) => column.getEntityValue(row) as unknown));
  }

  /** The identity that a condition names; undefined when it is not just one plain value for each part of the key. */
  private keyIn<Row extends TenantRow>(type: RowClass<Row>, where: FindOptionsWhere<Row>): string | undefined {
    const { primaryColumns } = this.database.dataSource.getMetadata(type);
    const named: Record<string, unknown> = ofTenant(where);
    const values = primaryColumns.map((column) => named[column.propertyName]);
    const whole =
      Object.keys(named).length === values.length &&
      values.every((value) => value !== undefined && typeof value !== 'object');
    return whole ? identity(values) : undefined;
  }
}

/** The running tenant's rows among those that match. */
export function ofTenant<Row>(where: FindOptionsWhere<Row>): FindOptionsWhere<Row> {
  return { ...where, tenantId: currentTenant() };
}

function typeOf(row: TenantRow): RowClass<TenantRow> {
  return row.constructor as RowClass<TenantRow>;
}

function identity(values: readonly unknown[]): string {
  return JSON.stringify(values.map(String));
}

function describe(row: TenantRow): string {
  const columns = JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  return `${row.constructor.name} ${columns}`;
}

function valuesOf(metadata: EntityMetadata, row: TenantRow): ObjectLiteral {
  return Object.fromEntries(
    metadata.columns.map((column) => [column.databaseName, column.getEntityValue(row, true) as unknown]),
  );
}

type Statements = Record<'find' | 'new' | 'changed' | 'deleted', { name: string; text: string }>;
const cache = new WeakMap<EntityMetadata, Statements>();

/** Set-based statements that take all rows as one JSON parameter, so that they are prepared once for any number of rows. */
function statements(metadata: EntityMetadata): Statements {
  const known = cache.get(metadata);
  if (known) return known;
  const quote = (name: string): string => `"${name}"`;
  const table = metadata.tablePath.split('.').map(quote).join('.');
  const columns = metadata.columns.map((column) => quote(column.databaseName));
  const keys = metadata.primaryColumns.map((column) => quote(column.databaseName));
  const rest = columns.filter((column) => !keys.includes(column));
  const given = `json_populate_recordset(null::${table}, $1::json) as given`;
  const same = keys.map((key) => `stored.${key} = given.${key}`).join(' and ');
  const set = (rest.length > 0 ? rest : keys).map((column) => `${column} = given.${column}`).join(', ');
  const made: Statements = {
    find: {
      name: `find ${metadata.tablePath}`,
      text: `select ${columns.join(', ')} from ${table} where ${keys.map((key, index) => `${key} = $${index + 1}`).join(' and ')}`,
    },
    new: {
      name: `insert ${metadata.tablePath}`,
      text: `insert into ${table} (${columns.join(', ')}) select ${columns.map((column) => `given.${column}`).join(', ')} from ${given}`,
    },
    changed: {
      name: `update ${metadata.tablePath}`,
      text: `update ${table} as stored set ${set} from ${given} where ${same} returning 1 as written`,
    },
    deleted: {
      name: `delete ${metadata.tablePath}`,
      text: `delete from ${table} as stored using ${given} where ${same}`,
    },
  };
  cache.set(metadata, made);
  return made;
}

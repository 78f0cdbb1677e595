// The rows that a projector touches in one batch: loaded with one statement a table where they are named beforehand, changed
// in memory, and written at the end, with one statement a table for all inserts, one for all updates, one for all deletes.
import type { Database } from '@concord/database';
import { currentTenant } from '@concord/tenancy';
import type { FindOptionsOrder, FindOptionsWhere, ObjectLiteral } from 'typeorm';
import { type Conditions, conditionOf } from './conditions.js';
import { RowIsGone, RowIsStale, ViewIsReadOnly } from './row-errors.js';
import { type RowTable, rowTableOf } from './row-table.js';
import { assertValid, hasRules } from './validation.js';

/** A row of some tenant. */
export interface TenantRow {
  tenantId: string;
}

/** A row class: a TypeORM entity. */
export type RowClass<Row extends TenantRow> = new () => Row;

/** Names one row by its whole key, the tenant apart. */
export interface RowKey {
  readonly type: RowClass<TenantRow>;
  readonly where: Readonly<Record<string, unknown>>;
}

/** Which rows, in which order, how many of them. The tenant is added to every condition. */
export interface RowsWanted<Row> extends Conditions<Row> {
  readonly order?: FindOptionsOrder<Row>;
  readonly limit?: number;
}

/** `absent`: looked for and not there. `new`, `changed` and `deleted` wait to be written. */
type State = 'absent' | 'clean' | 'new' | 'changed' | 'deleted';

interface Tracked {
  row: TenantRow | undefined;
  state: State;
}

interface Identities {
  readonly table: RowTable;
  readonly rows: Map<string, Tracked>;
  waiting: number;
}

export class RowSession {
  private readonly tables = new Map<RowClass<TenantRow>, Identities>();
  private readonly checks = new Set<Promise<void>>();
  private flushed: Promise<void> = Promise.resolve();

  /** `batch`: of a projector's, whose rows end with it; `locked`: nobody else changes what was found before the transaction ends. */
  constructor(
    private readonly database: Database,
    private readonly batch?: { readonly locked: boolean },
  ) {}

  /** Whether what is found of this class is locked; rows of a view are nobody's to lock. */
  locks(type: RowClass<TenantRow>): boolean {
    return this.batch?.locked === true && !this.identities(type).table.isView;
  }

  /** Loads rows that will be asked for by their keys, with one statement a table. What is known already is left alone. */
  async load(keys: readonly RowKey[]): Promise<void> {
    const tenantId = currentTenant();
    const wanted = new Map<RowClass<TenantRow>, Map<string, ObjectLiteral>>();
    for (const { type, where } of keys) {
      const { table, rows } = this.identities(type);
      const key = { ...where, tenantId };
      const identity = table.identityIn(key);
      if (identity === undefined) throw new Error(`${type.name}: a row is named by its whole key, and by nothing else`);
      if (rows.has(identity)) continue;
      const those = wanted.get(type) ?? new Map<string, ObjectLiteral>();
      wanted.set(type, those.set(identity, key));
    }
    await Promise.all([...wanted].map(([type, those]) => this.loadAll(type, those)));
  }

  /** By its whole key: from memory when it was seen before. By anything else: from the database, once what waits is written. */
  async find<Row extends TenantRow>(type: RowClass<Row>, where: FindOptionsWhere<Row>): Promise<Row | undefined> {
    const { table, rows } = this.identities(type);
    const key: Record<string, unknown> = ofTenant(where);
    const identity = table.identityIn(key);
    if (identity === undefined) return (await this.findBy(type, { where, limit: 1 }))[0];
    if (!rows.has(identity)) await this.loadAll(type, new Map([[identity, key]]));
    return this.present(rows.get(identity)) as Row | undefined;
  }

  /** All that match; what waits is written first. */
  async findBy<Row extends TenantRow>(type: RowClass<Row>, wanted: RowsWanted<Row>): Promise<Row[]> {
    await this.flush();
    const { order, limit } = wanted;
    const where = ofTenant(conditionOf(wanted));
    const lock = this.locks(type) && ({ lock: { mode: 'for_no_key_update' } } as const);
    const found = await this.database.read((manager) =>
      manager.find(type, { where, ...(order && { order }), ...(limit !== undefined && { take: limit }), ...lock }),
    );
    return this.found(type, found);
  }

  /** Rows that TypeORM has found. */
  found<Row extends TenantRow>(type: RowClass<Row>, rows: readonly Row[]): Row[] {
    const { table } = this.identities(type);
    for (const row of rows) table.keep(row);
    return this.adopt(type, rows);
  }

  /** For each of the owners the rows whose properties are equal to its key, in the order of their keys. One statement. */
  async findAllBy(
    type: RowClass<TenantRow>,
    properties: readonly string[],
    keys: readonly (Readonly<Record<string, unknown>> | undefined)[],
  ): Promise<TenantRow[][]> {
    await this.flush();
    const { table } = this.identities(type);
    const tenant = { tenant_id: currentTenant() };
    const texts = keys.map((key) => key && JSON.stringify({ ...tenant, ...table.storedPart(properties, key) }));
    const asked = [...new Set(texts.filter((text) => text !== undefined))];
    const statement = table.finder(properties, this.locks(type));
    const stored = asked.length > 0 ? await this.database.query<ObjectLiteral>(statement, [`[${asked.join()}]`]) : [];
    const rows = this.adopt(
      type,
      stored.map((one) => table.hydrated(type, one)),
    );
    const byText = Map.groupBy(rows.keys(), (index) => asked[Number(stored[index]?.['ordinality']) - 1]);
    return texts.map((text) => (text === undefined ? [] : (byText.get(text) ?? []).flatMap((n) => rows[n] ?? [])));
  }

  /** What was found, but for rows that are known: one object a row. */
  private adopt<Row extends TenantRow>(type: RowClass<Row>, found: readonly Row[]): Row[] {
    const { table, rows } = this.identities(type);
    return found.map((row) => {
      const identity = table.identity(row);
      const known = rows.get(identity);
      if (known?.row && known.state === 'clean') return known.row as Row;
      rows.set(identity, { row, state: 'clean' });
      return row;
    });
  }

  /** Puts what is stored now into a row that was stored; what waits for it is forgotten. Errors: RowIsGone. */
  async reload(row: TenantRow): Promise<void> {
    const { table, rows } = this.identities(typeOf(row));
    const key: Record<string, unknown> = { ...row, tenantId: currentTenant() };
    const { one } = this.locks(typeOf(row)) ? table.statements.locked : table.statements;
    const [stored] = await this.database.query<ObjectLiteral>(one, table.keyValues(key));
    if (!stored) throw new RowIsGone(typeOf(row).name);
    table.hydrate(row, stored);
    rows.set(table.identity(row), { row, state: 'clean' });
  }

  insert(row: TenantRow): void {
    const [identities, identity] = this.written(row);
    const known = identities.rows.get(identity);
    if (this.present(known)) throw new Error(`${describe(row)} is there already`);
    const { version } = identities.table;
    if (version !== undefined) setVersion(row, version, known?.state === 'deleted' ? known.row : undefined);
    // A row that is deleted in the same batch is still in the table: its successor overwrites it.
    this.track(identities, identity, row, known?.state === 'deleted' ? 'changed' : 'new');
  }

  update(row: TenantRow): void {
    const [identities, identity] = this.written(row);
    const known = identities.rows.get(identity);
    if (known && !this.present(known)) throw new Error(`${describe(row)} is not there to update`);
    const isWaiting = known?.state === 'new' || known?.state === 'changed';
    if (!isWaiting && this.isWritten(identities, row)) return;
    this.track(identities, identity, row, known?.state === 'new' ? 'new' : 'changed');
  }

  delete(row: TenantRow): void {
    const [identities, identity] = this.written(row);
    const known = identities.rows.get(identity);
    this.track(identities, identity, row, known?.state === 'new' ? 'absent' : 'deleted');
  }

  /** A change that is made once this has come to a good end, which the end of the batch waits for. */
  async after(check: Promise<void>, change: () => void): Promise<void> {
    const changed = check.then(change);
    this.checks.add(changed);
    await changed.finally(() => this.checks.delete(changed));
  }

  /** Writes what waits. Errors: the database's (a key that is taken), RowIsStale, or a row to update that is not there. */
  flush(): Promise<void> {
    // One at a time: two would write the same rows.
    const flushed = this.flushed.then(() => this.writeAll());
    this.flushed = flushed.catch(() => undefined);
    return flushed;
  }

  /** Writes all that is left, also what is still being checked. Errors: as of flush. */
  async end(): Promise<void> {
    await Promise.allSettled(this.checks);
    await this.flush();
  }

  private async writeAll(): Promise<void> {
    const dirty = [...this.tables].filter(([, { waiting }]) => waiting > 0);
    for (const [type, { rows }] of dirty) if (hasRules(type)) await assertAllValid(rows.values());
    // What comes while this writes waits for the next one.
    for (const [, identities] of dirty) identities.waiting = 0;
    for (const state of ['deleted', 'new', 'changed'] as const) {
      for (const [type, identities] of dirty) await this.write(type, identities, state);
    }
  }

  /** Only in a batch: elsewhere a row outlives its transaction, and what was written last may have been rolled back. */
  private isWritten({ table }: Identities, row: TenantRow): boolean {
    return this.batch !== undefined && table.isUnchanged(row);
  }

  private written(row: TenantRow): [Identities, string] {
    row.tenantId = currentTenant();
    const identities = this.identities(typeOf(row));
    if (identities.table.isView) throw new ViewIsReadOnly(typeOf(row).name);
    return [identities, identities.table.identity(row)];
  }

  private async write(
    type: RowClass<TenantRow>,
    { table, rows }: Identities,
    state: 'new' | 'changed' | 'deleted',
  ): Promise<void> {
    const waiting = [...rows.values()].filter((tracked) => tracked.state === state);
    if (waiting.length === 0) return;
    const stored = waiting.map(({ row }) => table.stored(row as TenantRow));
    const written = await this.database.query(table.statements[state], [JSON.stringify(stored)]);
    assertAllWritten(type, table, state, [written.length, stored.length]);
    for (const [index, tracked] of waiting.entries()) {
      if (state === 'changed' && table.version !== undefined) countUp(tracked.row as TenantRow, table.version);
      tracked.state = state === 'deleted' ? 'absent' : 'clean';
      // What was sent, and not what the row has become since.
      if (state !== 'deleted') table.keep(tracked.row as TenantRow, stored[index]);
    }
  }

  /** A prepared statement and hydration of our own: a fifth of the time that TypeORM's query builder takes. */
  private async loadAll(type: RowClass<TenantRow>, wanted: ReadonlyMap<string, ObjectLiteral>): Promise<void> {
    const { table, rows } = this.identities(type);
    const keys = [...wanted.values()];
    const { one, find } = this.locks(type) ? table.statements.locked : table.statements;
    const [only] = keys;
    const found =
      only && keys.length === 1
        ? await this.database.query<ObjectLiteral>(one, table.keyValues(only))
        : await this.database.query<ObjectLiteral>(find, [JSON.stringify(keys.map((key) => table.storedKey(key)))]);
    for (const stored of found) {
      const row = table.hydrated(type, stored);
      rows.set(table.identity(row), { row, state: 'clean' });
    }
    for (const identity of wanted.keys())
      if (!rows.has(identity)) rows.set(identity, { row: undefined, state: 'absent' });
  }

  private present(tracked: Tracked | undefined): TenantRow | undefined {
    return tracked?.state === 'absent' || tracked?.state === 'deleted' ? undefined : tracked?.row;
  }

  private track(identities: Identities, identity: string, row: TenantRow, state: State): void {
    identities.waiting += 1;
    identities.rows.set(identity, { row, state });
  }

  private identities(type: RowClass<TenantRow>): Identities {
    const known = this.tables.get(type);
    if (known) return known;
    const table = rowTableOf(this.database.dataSource, type);
    const made = { table, rows: new Map<string, Tracked>(), waiting: 0 };
    this.tables.set(type, made);
    return made;
  }
}

/** The running tenant's rows among those that match. */
export function ofTenant<Row>(where: FindOptionsWhere<Row>): FindOptionsWhere<Row> {
  return { ...where, tenantId: currentTenant() };
}

function typeOf(row: TenantRow): RowClass<TenantRow> {
  return row.constructor as RowClass<TenantRow>;
}

/** What is deleted may be gone already, unless it has a version that was read. */
function assertAllWritten(
  type: RowClass<TenantRow>,
  { version }: RowTable,
  state: 'new' | 'changed' | 'deleted',
  [written, given]: readonly [number, number],
): void {
  const missing = given - written;
  if (missing === 0 || state === 'new') return;
  if (version !== undefined) throw new RowIsStale(type.name, missing);
  if (state === 'changed') throw new Error(`${type.name}: ${missing} of ${given} rows to update are not there`);
}

/** Rows may have changed in memory since they were checked. Nothing is written while one of them breaks a rule. */
async function assertAllValid(rows: Iterable<Tracked>): Promise<void> {
  for (const { row, state } of rows) if (row && (state === 'new' || state === 'changed')) await assertValid(row);
}

/** A new row begins at 1; one that takes the place of a row that is to be deleted overwrites that, at its version. */
function setVersion(row: TenantRow, version: string, before: TenantRow | undefined): void {
  const values = row as unknown as Record<string, unknown>;
  values[version] = before ? (before as unknown as Record<string, unknown>)[version] : 1;
}

function countUp(row: TenantRow, version: string): void {
  const values = row as unknown as Record<string, number>;
  values[version] = (values[version] ?? 0) + 1;
}

function describe(row: TenantRow): string {
  const columns = JSON.stringify(row, (_, value: unknown) => {
    // Related rows may lead back here.
    if (value instanceof Object && value !== row && 'tenantId' in value) return undefined;
    return typeof value === 'bigint' ? value.toString() : value;
  });
  return `${row.constructor.name} ${columns}`;
}

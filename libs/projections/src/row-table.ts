// A row class as its statements see it, worked out once: key, columns, and set-based statements that take all rows as one
// JSON parameter, so that they are prepared once for any number of rows.
import type { Statement } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { DataSource, EntityMetadata, ObjectLiteral } from 'typeorm';
import { keepStored, storedOf } from './tracked-row.js';

type ColumnMetadata = EntityMetadata['columns'][number];

interface Column {
  readonly property: string;
  readonly name: string;
  /** Its stored form is one plain value, which nobody can change in place. */
  readonly isPlain: boolean;
  readonly toStored: (value: unknown) => unknown;
  readonly fromStored: (value: unknown) => unknown;
}

type Written = Required<Statement>;
type Finds = Record<'one' | 'find', Written>;
type RowStatements = Finds & Record<'new' | 'changed' | 'deleted', Written> & { readonly locked: Finds };

/** What a row's columns were when it was last read or written, and what they are. */
export type RowChanges = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;

// Others may still refer to the row by its key.
const LOCKED = 'for no key update of stored';

// PostgreSQL's own text is the property's value: nothing to prepare or hydrate.
const PLAIN = new Set<unknown>([
  'text',
  'varchar',
  'character varying',
  'uuid',
  'numeric',
  'integer',
  'int',
  'smallint',
]);

export class RowTable {
  readonly columns: readonly Column[];
  readonly keys: readonly Column[];
  /** The property that an optimistic lock counts up. */
  readonly version: string | undefined;
  private readonly versionName: string;
  readonly statements: RowStatements;
  readonly isView: boolean;
  private readonly table: string;
  private readonly isPlain: boolean;
  private readonly finders = new Map<string, Written>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly metadata: EntityMetadata,
  ) {
    const columnOf = (column: ColumnMetadata): Column => ({
      property: column.propertyName,
      name: column.databaseName,
      ...this.conversion(column),
    });
    this.columns = metadata.columns.map(columnOf);
    this.keys = metadata.primaryColumns.map(columnOf);
    this.version = metadata.versionColumn?.propertyName;
    this.versionName = metadata.versionColumn?.databaseName ?? '';
    this.isView = metadata.tableType === 'view';
    this.isPlain = this.columns.every((column) => column.isPlain);
    this.table = metadata.tablePath.split('.').map(quote).join('.');
    this.statements = this.write(this.table);
  }

  /** Which row it is among all of its class. */
  identity(row: object): string {
    const values = row as Record<string, unknown>;
    let identity = '';
    for (const { property } of this.keys) identity += partOf(values[property]);
    return identity;
  }

  /** The identity that a condition names; undefined when it is not just one plain value for each part of the key. */
  identityIn(where: Readonly<Record<string, unknown>>): string | undefined {
    for (const { property } of this.keys) if (!isPlain(where[property])) return undefined;
    return Object.keys(where).length === this.keys.length ? this.identity(where) : undefined;
  }

  /** As the statements take it. */
  stored(row: object): ObjectLiteral {
    const values = row as Record<string, unknown>;
    const stored: ObjectLiteral = {};
    for (const { property, name, toStored } of this.columns) stored[name] = toStored(values[property]);
    return stored;
  }

  /** The values of a key, in the order of the statement `one`. */
  keyValues(key: Readonly<Record<string, unknown>>): unknown[] {
    return this.keys.map(({ property, toStored }) => toStored(key[property]));
  }

  /** A key as the statements take it. */
  storedKey(key: Readonly<Record<string, unknown>>): ObjectLiteral {
    return Object.fromEntries(this.keys.map(({ property, name, toStored }) => [name, toStored(key[property])]));
  }

  /** Puts what was stored into a row. */
  hydrate(row: object, stored: ObjectLiteral): void {
    const values = row as Record<string, unknown>;
    for (const { property, name, fromStored } of this.columns) values[property] = fromStored(stored[name]);
    if (this.isPlain) keepStored(row, stored);
    else this.keep(row);
  }

  hydrated<Row extends object>(type: new () => Row, stored: ObjectLiteral): Row {
    const row = new type();
    this.hydrate(row, stored);
    return row;
  }

  /** From here on changes are those since now; or, where `stored` was written meanwhile, since that. */
  keep(row: object, stored = this.stored(row)): void {
    if (this.version !== undefined) stored[this.versionName] = (row as Record<string, unknown>)[this.version];
    if (!this.isPlain) {
      for (const { name, isPlain } of this.columns) if (!isPlain) stored[name] = JSON.stringify(stored[name]);
    }
    keepStored(row, stored);
  }

  /** Whether there is nothing to write: never so for a row that was never stored. */
  isUnchanged(row: object): boolean {
    const kept = storedOf(row);
    const values = row as Readonly<Record<string, unknown>>;
    return kept !== undefined && this.columns.every((column) => isSame(column, kept, values[column.property]));
  }

  /** Undefined for a row that was never stored. */
  changesOf(row: object): RowChanges | undefined {
    const kept = storedOf(row);
    if (!kept) return undefined;
    const values = row as Readonly<Record<string, unknown>>;
    const changes: Record<string, { from: unknown; to: unknown }> = {};
    for (const column of this.columns) {
      const { property, name, isPlain, fromStored } = column;
      const to = values[property];
      if (isSame(column, kept, to)) continue;
      const before = comparable(kept[name]);
      changes[property] = { from: fromStored(isPlain ? before : JSON.parse(before as string)), to };
    }
    return changes;
  }

  /** Finds rows by some of their properties, for any number of owners; `ordinality` says for which of them, from 1. */
  finder(properties: readonly string[], locks: boolean): Written {
    const names = properties.map((property) => this.columnOf(property).name);
    const name = `${locks ? 'lock' : 'find'} ${this.table} by ${names.join()}`;
    const known = this.finders.get(name);
    if (known) return known;
    const same = ['tenant_id', ...names].map((name) => `stored.${quote(name)} = given.${quote(name)}`).join(' and ');
    const columns = this.columns.map(({ name }) => `stored.${quote(name)}`).join(', ');
    const keys = this.keys.map(({ name }) => `stored.${quote(name)}`).join(', ');
    const made = {
      name,
      text: `select ${columns}, given.ordinality
        from json_populate_recordset(null::${this.table}, $1::json) with ordinality as given
        join ${this.table} as stored on ${same} order by ${keys}${locks ? ` ${LOCKED}` : ''}`,
    };
    this.finders.set(name, made);
    return made;
  }

  /** Some properties as the statements take them. */
  storedPart(properties: readonly string[], values: Readonly<Record<string, unknown>>): ObjectLiteral {
    return Object.fromEntries(
      properties.map((property) => {
        const { name, toStored } = this.columnOf(property);
        return [name, toStored(values[property])];
      }),
    );
  }

  private columnOf(property: string): Column {
    const found = this.columns.find((column) => column.property === property);
    if (found) return found;
    const names = this.columns.map((column) => column.property).join(', ');
    throw new InvalidArgument(`${this.table} has no column "${property}": there are ${names}`);
  }

  private conversion(column: ColumnMetadata): Pick<Column, 'isPlain' | 'toStored' | 'fromStored'> {
    const { driver } = this.dataSource;
    if (column.embeddedMetadata) throw new Error(`${column.propertyPath}: embedded columns are not supported in rows`);
    const transformer = column.transformer;
    if ((PLAIN.has(column.type) || column.type === 'bigint') && !column.isArray && !Array.isArray(transformer)) {
      return {
        isPlain: true,
        toStored: (value) => textOf(transformer ? transformer.to(value) : value),
        fromStored: (value) => {
          const text = textOf(value);
          return transformer ? (transformer.from(text) as unknown) : text;
        },
      };
    }
    return {
      isPlain: false,
      toStored: (value) => column.getEntityValue({ [column.propertyName]: value }, true) as unknown,
      fromStored: (value) => driver.prepareHydratedValue(value, column) as unknown,
    };
  }

  private write(table: string): RowStatements {
    const columns = this.columns.map(({ name }) => quote(name));
    const keys = this.keys.map(({ name }) => quote(name));
    const rest = columns.filter((column) => !keys.includes(column));
    const version = this.metadata.versionColumn && quote(this.metadata.versionColumn.databaseName);
    const given = `json_populate_recordset(null::${table}, $1::json) as given`;
    const same = keys.map((key) => `stored.${key} = given.${key}`).join(' and ');
    const set = (rest.length > 0 ? rest : keys)
      .map((column) => (column === version ? `${column} = stored.${column} + 1` : `${column} = given.${column}`))
      .join(', ');
    const unchanged = version ? ` and stored.${version} = given.${version}` : '';
    const found = `select ${columns.map((column) => `stored.${column}`).join(', ')} from ${given}
      join ${table} as stored on ${same}`;
    const parameters = keys.map((key, index) => `stored.${key} = $${index + 1}`).join(' and ');
    const one = `select ${columns.map((column) => `stored.${column}`).join(', ')} from ${table} as stored where ${parameters}`;
    // In one order, or two who lock the same rows may wait for each other.
    const inOrder = `order by ${keys.map((key) => `stored.${key}`).join(', ')}`;
    return {
      one: { name: `one ${table}`, text: one },
      find: { name: `find ${table}`, text: found },
      locked: {
        one: { name: `lock one ${table}`, text: `${one} ${LOCKED}` },
        find: { name: `lock ${table}`, text: `${found} ${inOrder} ${LOCKED}` },
      },
      new: {
        name: `insert ${table}`,
        text: `insert into ${table} (${columns.join(', ')}) select ${columns.map((column) => `given.${column}`).join(', ')} from ${given}`,
      },
      changed: {
        name: `update ${table}`,
        text: `update ${table} as stored set ${set} from ${given} where ${same}${unchanged} returning 1 as written`,
      },
      deleted: {
        name: `delete ${table}`,
        text: `delete from ${table} as stored using ${given} where ${same}${unchanged} returning 1 as written`,
      },
    };
  }
}

const tables = new WeakMap<EntityMetadata, RowTable>();

/** What is known of a row class. Errors: TypeORM's, for a class that is no entity of this database. */
export function rowTableOf(dataSource: DataSource, type: new () => object): RowTable {
  const metadata = dataSource.getMetadata(type);
  const known = tables.get(metadata) ?? new RowTable(dataSource, metadata);
  tables.set(metadata, known);
  return known;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** JSON has no bigint, and TypeORM's int8 is a text. */
function textOf(value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function isSame({ name, isPlain, toStored }: Column, kept: ObjectLiteral, value: unknown): boolean {
  const now = toStored(value);
  return comparable(isPlain ? now : JSON.stringify(now)) === comparable(kept[name]);
}

/** Nothing is null, and a bigint its digits. */
function comparable(value: unknown): unknown {
  return textOf(value) ?? null;
}

/** With its length before it: no two keys of several parts look the same. */
function partOf(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  return `${text.length}:${text}`;
}

function isPlain(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'object';
}

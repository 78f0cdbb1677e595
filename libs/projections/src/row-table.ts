// A row class as its statements see it, worked out once: key, columns, and set-based statements that take all rows as one
// JSON parameter, so that they are prepared once for any number of rows.
import type { Statement } from '@concord/database';
import type { DataSource, EntityMetadata, ObjectLiteral } from 'typeorm';

type ColumnMetadata = EntityMetadata['columns'][number];

interface Column {
  readonly property: string;
  readonly name: string;
  readonly toStored: (value: unknown) => unknown;
  readonly fromStored: (value: unknown) => unknown;
}

type Written = Required<Statement>;
type Finds = Record<'one' | 'find', Written>;
type RowStatements = Finds & Record<'new' | 'changed' | 'deleted', Written> & { readonly locked: Finds };

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
  readonly statements: RowStatements;

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
    this.statements = this.write(metadata.tablePath.split('.').map(quote).join('.'));
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
  }

  private conversion(column: ColumnMetadata): Pick<Column, 'toStored' | 'fromStored'> {
    const { driver } = this.dataSource;
    if (column.embeddedMetadata) throw new Error(`${column.propertyPath}: embedded columns are not supported in rows`);
    const transformer = column.transformer;
    if ((PLAIN.has(column.type) || column.type === 'bigint') && !column.isArray && !Array.isArray(transformer)) {
      return {
        toStored: (value) => textOf(transformer ? transformer.to(value) : value),
        fromStored: (value) => {
          const text = textOf(value);
          return transformer ? (transformer.from(text) as unknown) : text;
        },
      };
    }
    return {
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
    const locked = 'for no key update of stored';
    return {
      one: { name: `one ${table}`, text: one },
      find: { name: `find ${table}`, text: found },
      locked: {
        one: { name: `lock one ${table}`, text: `${one} ${locked}` },
        find: { name: `lock ${table}`, text: `${found} ${inOrder} ${locked}` },
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
        text: `delete from ${table} as stored using ${given} where ${same}`,
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

/** With its length before it: no two keys of several parts look the same. */
function partOf(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  return `${text.length}:${text}`;
}

function isPlain(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'object';
}

// The order of a list of rows: whatever columns the caller names, and then the key, so that no two rows are in one place.
// Nulls are the greatest values, as PostgreSQL has them.
import type { Database } from '@concord/database';
import { loadSql } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { DataSource, EntityMetadata } from 'typeorm';

type Direction = 'ASC' | 'DESC';

export interface OrderedColumn {
  readonly property: string;
  readonly name: string;
  /** What its text is cast to. */
  readonly type: string;
  readonly direction: Direction;
  readonly isNullable: boolean;
}

/** Their text is exact, and says where they are in the order. */
const ORDERABLE = new Set([
  'text',
  'character varying',
  'uuid',
  'smallint',
  'integer',
  'bigint',
  'numeric',
  'real',
  'double precision',
  'date',
  'timestamp without time zone',
  'timestamp with time zone',
  'boolean',
]);

const nullable = loadSql(import.meta.url, 'sql/nullable-columns.sql');

/** Errors: InvalidArgument for a column that is none, or by which nothing can be ordered. */
export function orderingOf(
  dataSource: DataSource,
  type: new () => object,
  order: Readonly<Record<string, unknown>>,
): OrderedColumn[] {
  const metadata = dataSource.getMetadata(type);
  const named = Object.entries(order).filter(([, direction]) => direction !== undefined);
  const last = named.at(-1)?.[1];
  const keys = metadata.primaryColumns
    .map(({ propertyName }) => propertyName)
    .filter((property) => property !== 'tenantId' && !named.some(([other]) => other === property));
  // In the direction of the last one: where all go one way, one comparison of whole rows finds the place by an index.
  const all = [...named, ...keys.map((property) => [property, last ?? 'ASC'] as const)];
  return all.map(([property, direction]) => columnOf(dataSource, metadata, property, direction));
}

function columnOf(
  dataSource: DataSource,
  metadata: EntityMetadata,
  property: string,
  direction: unknown,
): OrderedColumn {
  const column = metadata.columns.find((one) => one.propertyName === property);
  if (!column) throw new InvalidArgument(`${metadata.name} has no column "${property}" to be ordered by`);
  if (direction !== 'ASC' && direction !== 'DESC') {
    throw new InvalidArgument(`${metadata.name}.${property}: the direction of an order is 'ASC' or 'DESC'`);
  }
  const type = dataSource.driver.normalizeType(column);
  if (!ORDERABLE.has(type) || column.isArray) {
    throw new InvalidArgument(
      `${metadata.name}.${property}: pages cannot be ordered by ${type || 'a column without type'}`,
    );
  }
  // Of a view PostgreSQL does not say what may be null.
  const isNullable = column.isNullable || (metadata.tableType === 'view' && !column.isPrimary);
  return { property, name: column.databaseName, type, direction, isNullable };
}

const checked = new WeakMap<EntityMetadata, Set<string>>();

/**
 * A null where the class says that there is none would never be found on any page. Asked once for each column. Errors:
 * InvalidArgument.
 */
export async function assertNullsAreDeclared(
  database: Database,
  type: new () => object,
  ordering: readonly OrderedColumn[],
): Promise<void> {
  const metadata = database.dataSource.getMetadata(type);
  const known = checked.get(metadata) ?? new Set<string>();
  checked.set(metadata, known);
  const names = ordering.filter(({ isNullable, name }) => !isNullable && !known.has(name)).map(({ name }) => name);
  if (names.length === 0) return;
  const table = metadata.tablePath.split('.').map((part) => `"${part.replaceAll('"', '""')}"`);
  const found = await database.query<{ name: string }>(nullable, [table.join('.'), names]);
  if (found.length > 0) {
    const those = found.map(({ name }) => name).join(', ');
    throw new InvalidArgument(`${metadata.name}: ${those} may be null in the table: declare it with nullable: true`);
  }
  for (const name of names) known.add(name);
}

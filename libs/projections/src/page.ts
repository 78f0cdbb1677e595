// Lists by the page, by key and not by number (keyset pagination): a page begins at a place in the order, so that rows that
// come and go meanwhile move nobody else to another page.
import type { Database } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { EntityManager, SelectQueryBuilder } from 'typeorm';
import { conditionOf, type Conditions } from './conditions.js';
import { Cursors, type Place } from './cursor.js';
import { assertNullsAreDeclared, type OrderedColumn, orderingOf } from './ordering.js';
import { ofTenant, type RowClass, type RowSession, type TenantRow } from './row-session.js';

/** Which page, of which rows, in which order. Two rows that are equal in the order are in that of their keys. */
export interface PageWanted<Row> extends Conditions<Row> {
  readonly order?: { readonly [Column in keyof Row]?: 'ASC' | 'DESC' };
  /** Rows at most; from 1 to 10,000. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
  /** `previous` of the page behind. */
  readonly before?: string;
}

/** Some rows in a row. */
export interface Page<Row> {
  readonly rows: Row[];
  /** Pass it as `after` for the page behind; null when this was the last. */
  readonly next: string | null;
  /** Pass it as `before` for the page before; null when this is the first. */
  readonly previous: string | null;
}

const MOST = 10_000;

/** Errors: CursorInvalid; InvalidArgument for a limit, an order or two cursors that cannot be. */
export async function readPage<Row extends TenantRow>(
  database: Database,
  session: RowSession,
  type: RowClass<Row>,
  wanted: PageWanted<Row>,
): Promise<Page<Row>> {
  const { limit, after, before, order = {} } = wanted;
  assertSensible(limit, after, before);
  const ordering = orderingOf(database.dataSource, type, order);
  const cursors = await Cursors.of(database, nameOf(database, type, ordering));
  const cursor = after ?? before;
  const from = cursor === undefined ? undefined : cursors.read(cursor);
  await assertNullsAreDeclared(database, type, ordering);
  await session.flush();
  const walk: Walk = { ordering, from, isBackwards: before !== undefined, limit, locks: session.locks(type) };
  const found = await database.read((manager) => select(manager, type, wanted, walk));
  const rows = session.found(type, found.rows);
  const cursorAt = (index: number): string | null => {
    const place = found.places.at(index);
    return place ? cursors.write(place) : null;
  };
  // Behind a page that was reached backwards there is the one it was reached from.
  const [isFirst, isLast] = walk.isBackwards ? [!found.hasMore, false] : [from === undefined, !found.hasMore];
  return { rows, next: isLast ? null : cursorAt(-1), previous: isFirst ? null : cursorAt(0) };
}

function assertSensible(limit: number, after?: string, before?: string): void {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST) {
    throw new InvalidArgument(`the limit of a page is a whole number from 1 to ${MOST}`);
  }
  if (after !== undefined && before !== undefined) throw new InvalidArgument('a page is `after` or `before` a cursor');
}

interface Walk {
  readonly ordering: readonly OrderedColumn[];
  readonly from: Place | undefined;
  readonly isBackwards: boolean;
  readonly limit: number;
  readonly locks: boolean;
}

interface Found<Row> {
  readonly rows: readonly Row[];
  readonly places: readonly Place[];
  readonly hasMore: boolean;
}

const ALIAS = 'record';
const placeOf = (index: number): string => `concord_place_${index}`;

async function select<Row extends TenantRow>(
  manager: EntityManager,
  type: RowClass<Row>,
  conditions: Conditions<Row>,
  walk: Walk,
): Promise<Found<Row>> {
  const { ordering, from, isBackwards, limit, locks } = walk;
  const query = manager.createQueryBuilder(type, ALIAS).setFindOptions({ where: ofTenant(conditionOf(conditions)) });
  ordering.forEach(({ property }, index) => {
    // A Date has milliseconds and a number 53 bits: the place is the text.
    query.addSelect(`CAST(${ALIAS}.${property} AS text)`, placeOf(index));
  });
  const directed = isBackwards ? ordering.map(reversed) : ordering;
  for (const { property, direction } of directed) query.addOrderBy(`${ALIAS}.${property}`, direction);
  if (from) addBehind(query, directed, from);
  if (locks) query.setLock('for_no_key_update');
  const { entities, raw } = await query.limit(limit + 1).getRawAndEntities<Readonly<Record<string, string | null>>>();
  const places = raw.map((row) => ordering.map((_, index) => row[placeOf(index)] ?? null));
  const [rows, hasMore] = [entities.slice(0, limit), entities.length > limit];
  const own = places.slice(0, limit);
  return isBackwards ? { rows: rows.reverse(), places: own.reverse(), hasMore } : { rows, places: own, hasMore };
}

/** Only what is behind a place, in the direction of the columns. */
function addBehind<Row extends TenantRow>(
  query: SelectQueryBuilder<Row>,
  columns: readonly OrderedColumn[],
  place: Place,
): void {
  query.setParameters(Object.fromEntries(place.map((value, index) => [placeOf(index), value])));
  const [first] = columns;
  if (!first) return;
  const isPlain = columns.every(({ isNullable, direction }) => !isNullable && direction === first.direction);
  if (isPlain) {
    const names = columns.map(({ property }) => `${ALIAS}.${property}`).join(', ');
    query.andWhere(`(${names}) ${first.direction === 'ASC' ? '>' : '<'} (${columns.map(valueAt).join(', ')})`);
    return;
  }
  const ways = columns.map((column, index) => {
    const before = columns.slice(0, index).map((one, at) => equals(one, at, place));
    return `(${[...before, isBehind(column, index, place)].join(' AND ')})`;
  });
  // The first column alone finds where to begin by an index.
  query.andWhere(`(${notBefore(first, place)}) AND (${ways.join(' OR ')})`);
}

function valueAt({ type }: OrderedColumn, index: number): string {
  return `CAST(:${placeOf(index)} AS ${type})`;
}

function equals(column: OrderedColumn, index: number, place: Place): string {
  const name = `${ALIAS}.${column.property}`;
  return place[index] === null ? `${name} IS NULL` : `${name} = ${valueAt(column, index)}`;
}

/** Nulls are greater than all else, in either direction. */
function isBehind(column: OrderedColumn, index: number, place: Place): string {
  const name = `${ALIAS}.${column.property}`;
  const isNull = place[index] === null;
  if (column.direction === 'DESC') return isNull ? `${name} IS NOT NULL` : `${name} < ${valueAt(column, index)}`;
  if (isNull) return 'FALSE';
  return `(${name} > ${valueAt(column, index)}${column.isNullable ? ` OR ${name} IS NULL` : ''})`;
}

function notBefore(column: OrderedColumn, place: Place): string {
  if (place[0] === null && column.direction === 'DESC') return 'TRUE';
  return `${equals(column, 0, place)} OR ${isBehind(column, 0, place)}`;
}

function reversed(column: OrderedColumn): OrderedColumn {
  return { ...column, direction: column.direction === 'ASC' ? 'DESC' : 'ASC' };
}

/** Of which rows, and in which order. */
function nameOf(database: Database, type: new () => object, ordering: readonly OrderedColumn[]): string {
  const { tablePath } = database.dataSource.getMetadata(type);
  return [tablePath, ...ordering.map(({ name, direction }) => `${name} ${direction}`)].join();
}

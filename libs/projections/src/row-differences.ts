// What is different between two tables of one row class. PostgreSQL joins them; only counts and a few rows come here.
import type { Database } from '@concord/database';
import type { RowTable } from './row-table.js';

/** A row that is not the same on both sides; null columns of a side that lacks it. Values are PostgreSQL's text. */
export interface RowDifference {
  readonly what: 'added' | 'removed' | 'changed';
  readonly key: Readonly<Record<string, string>>;
  readonly columns: Readonly<Record<string, { readonly from: string | null; readonly to: string | null }>>;
}

/** What a rebuild would do to the rows of one table. */
export interface TableDifferences {
  readonly table: string;
  /** Rows there are, and rows there would be. */
  readonly rows: number;
  readonly replayed: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** How many of the changed rows have another value in this column. */
  readonly columns: Readonly<Record<string, number>>;
  /** The first ones, in the order of their keys. */
  readonly first: readonly RowDifference[];
}

interface Sides {
  readonly table: string;
  readonly copy: string;
}

type Texts = Readonly<Record<string, string | null>>;
type Counts = Readonly<Record<'rows' | 'replayed' | 'added' | 'removed' | 'changed', number>>;

/** Columns that the row class does not have are nobody's, and not compared. */
export async function differencesOf(
  database: Database,
  { table, copy }: Sides,
  row: RowTable,
  { tenantId, limit }: { readonly tenantId: string; readonly limit: number },
): Promise<TableDifferences> {
  const keys = row.keys.map(({ name }) => name);
  const rest = row.columns.map(({ name }) => name).filter((name) => !keys.includes(name));
  const joined = `(select * from ${table} where tenant_id = $1) as live
    full join ${copy} as replayed on ${keys.map((key) => `live.${quote(key)} = replayed.${quote(key)}`).join(' and ')}`;
  const both = 'live.tenant_id is not null and replayed.tenant_id is not null';
  const unequal = rest.map((name) => `live.${quote(name)}::text is distinct from replayed.${quote(name)}::text`);
  const changed = unequal.length > 0 ? `${both} and (${unequal.join(' or ')})` : 'false';
  const count = (condition: string): string => `(count(*) filter (where ${condition}))::float8`;
  const byColumn = rest.map((name, index) => `${count(`${both} and ${unequal[index]}`)} as ${quote(`of ${name}`)}`);
  const [counts] = await database.query<Counts & Readonly<Record<string, number>>>(
    {
      text: `select ${[
        `${count('live.tenant_id is not null')} as rows`,
        `${count('replayed.tenant_id is not null')} as replayed`,
        `${count('live.tenant_id is null')} as added`,
        `${count('replayed.tenant_id is null')} as removed`,
        `${count(changed)} as changed`,
        ...byColumn,
      ].join(', ')} from ${joined}`,
    },
    [tenantId],
  );
  const found = await database.query<{ live: Texts | null; replayed: Texts | null }>(
    {
      text: `select case when live.tenant_id is not null then ${textsOf('live', [...keys, ...rest])} end as live,
        case when replayed.tenant_id is not null then ${textsOf('replayed', [...keys, ...rest])} end as replayed
        from ${joined} where live.tenant_id is null or replayed.tenant_id is null or (${changed})
        order by ${keys.map((key) => `coalesce(live.${quote(key)}, replayed.${quote(key)})`).join(', ')} limit ${limit}`,
    },
    [tenantId],
  );
  const { rows = 0, replayed = 0, added = 0, removed = 0, changed: altered = 0 } = counts ?? {};
  const columns = rest.map((name) => [name, counts?.[`of ${name}`] ?? 0] as const).filter(([, n]) => n > 0);
  const shownKeys = keys.filter((key) => key !== 'tenant_id');
  const first = found.map((each) => differenceOf(each, shownKeys, rest));
  const counted = { rows, replayed, added, removed, changed: altered, columns: Object.fromEntries(columns) };
  return { table: table.replaceAll('"', ''), ...counted, first };
}

function differenceOf(
  { live, replayed }: { readonly live: Texts | null; readonly replayed: Texts | null },
  keys: readonly string[],
  rest: readonly string[],
): RowDifference {
  const some = live ?? replayed ?? {};
  const columns = rest
    .map((name) => [name, { from: live?.[name] ?? null, to: replayed?.[name] ?? null }] as const)
    .filter(([, { from, to }]) => from !== to);
  return {
    what: live ? (replayed ? 'changed' : 'removed') : 'added',
    key: Object.fromEntries(keys.map((key) => [key, some[key] ?? ''])),
    columns: Object.fromEntries(columns),
  };
}

function textsOf(side: string, columns: readonly string[]): string {
  const pairs = columns.map((name) => `${literal(name)}, ${side}.${quote(name)}::text`);
  return `json_build_object(${pairs.join(', ')})`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(name: string): string {
  return `'${name.replaceAll("'", "''")}'`;
}

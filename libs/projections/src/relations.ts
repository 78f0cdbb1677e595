// Rows that belong to rows: declared at a property, found by key, those of any number of owners with one statement.
import { InvalidArgument } from '@concord/kernel';
import type { RowClass, RowSession, TenantRow } from './row-session.js';

/** The type of a relation's property: `@BelongsTo(..) account?: Related<AccountRow | null>`. Row classes may name each other. */
export type Related<Rows> = Rows;

/** The names of a row's relations. */
export type RelationName<Row> = {
  [Name in keyof Row]-?: NonNullable<Row[Name]> extends TenantRow | readonly TenantRow[] ? Name : never;
}[keyof Row] &
  string;

/** A row whose named relations are there. */
export type With<Row, Names extends keyof Row> = [Names] extends [never] ? Row : Row & Required<Pick<Row, Names>>;

interface Relation {
  readonly kind: 'belongs-to' | 'has-one' | 'has-many';
  readonly target: () => RowClass<TenantRow>;
  /** The owner's properties, and which of the others' are equal to them. */
  readonly by: Readonly<Record<string, string>>;
}

type Keys<Target> = Readonly<Record<string, keyof Target & string>>;
type Owner<Name extends string, Value, By> = { [P in Name]?: Value } & Record<keyof By, unknown>;
type RelationDecorator<Value, By> = <Name extends string>(owner: Owner<Name, Value, By>, name: Name) => void;

const RELATIONS = Symbol('concord:relations');

/** The row that this one names by its whole key, null when there is none: `by` says `{ mine: 'its' }`, the tenant apart. */
export function BelongsTo<Target extends TenantRow, const By extends Keys<Target>>(
  target: () => RowClass<Target>,
  by: By,
): RelationDecorator<Target | null, By> {
  return declared({ kind: 'belongs-to', target, by });
}

/** The one row that names this one; null when there is none. */
export function HasOne<Target extends TenantRow, const By extends Keys<Target>>(
  target: () => RowClass<Target>,
  by: By,
): RelationDecorator<Target | null, By> {
  return declared({ kind: 'has-one', target, by });
}

/** All rows that name this one, in the order of their keys. */
export function HasMany<Target extends TenantRow, const By extends Keys<Target>>(
  target: () => RowClass<Target>,
  by: By,
): RelationDecorator<Target[], By> {
  return declared({ kind: 'has-many', target, by });
}

function declared(relation: Relation): (owner: object, name: string) => void {
  return (owner, name) => {
    const known = (Reflect.getMetadata(RELATIONS, owner) ?? {}) as Readonly<Record<string, Relation>>;
    Reflect.defineMetadata(RELATIONS, { ...known, [name]: relation }, owner);
  };
}

/** Puts what is related into its property, for all of the rows. Errors: InvalidArgument for what is no relation. */
export async function loadRelations(
  session: RowSession,
  type: RowClass<TenantRow>,
  rows: readonly TenantRow[],
  names: readonly string[],
): Promise<void> {
  const relations = names.map((name) => [name, relationOf(type, name)] as const);
  if (rows.length === 0) return;
  const owners = rows as readonly (TenantRow & Record<string, unknown>)[];
  for (const [name, relation] of relations) {
    const keys = owners.map((owner) => keyFor(owner, relation));
    const found =
      relation.kind === 'belongs-to'
        ? await loadByKeys(session, relation, keys)
        : await loadByOwners(session, relation, keys);
    owners.forEach((owner, index) => (owner[name] = shown(type, name, relation, found[index] ?? [])));
  }
}

function relationOf(type: RowClass<TenantRow>, name: string): Relation {
  const known = (Reflect.getMetadata(RELATIONS, type.prototype as object) ?? {}) as Record<string, Relation>;
  const relation = known[name];
  if (relation) return relation;
  const names = Object.keys(known).join(', ') || 'none';
  throw new InvalidArgument(`${type.name} has no relation "${name}": there are ${names}`);
}

type Key = Readonly<Record<string, unknown>>;

/** What the others have to be equal to; undefined where the owner names nobody. */
function keyFor(owner: Readonly<Record<string, unknown>>, { by }: Relation): Key | undefined {
  const entries = Object.entries(by).map(([mine, its]) => [its, owner[mine]] as const);
  return entries.every(([, value]) => value !== null && value !== undefined) ? Object.fromEntries(entries) : undefined;
}

async function loadByKeys(
  session: RowSession,
  { target }: Relation,
  keys: readonly (Key | undefined)[],
): Promise<TenantRow[][]> {
  const type = target();
  await session.load(keys.flatMap((where) => (where ? [{ type, where }] : [])));
  return Promise.all(
    keys.map(async (key) => {
      const row = key && (await session.find(type, key));
      return row ? [row] : [];
    }),
  );
}

function loadByOwners(
  session: RowSession,
  { target, by }: Relation,
  keys: readonly (Key | undefined)[],
): Promise<TenantRow[][]> {
  return session.findAllBy(target(), Object.values(by), keys);
}

function shown(type: RowClass<TenantRow>, name: string, { kind }: Relation, found: TenantRow[]): unknown {
  if (kind === 'has-many') return found;
  if (found.length > 1) throw new Error(`${type.name}.${name}: ${found.length} rows where one is declared`);
  return found[0] ?? null;
}

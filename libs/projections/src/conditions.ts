// Which rows: conditions, named ones (scopes) among them, put together so that all of them hold.
import { And, Equal, FindOperator, type FindOptionsWhere } from 'typeorm';

/**
 * A named condition of a row class, to be reused and put together: `static readonly open: Scope<AccountRow> = () => ({ status:
 * 'open' })`. One with parameters is a function that answers a scope. It may answer other scopes: all of them hold then.
 */
export type Scope<Row> = () => FindOptionsWhere<Row> | readonly Scope<Row>[];

/** All of these hold. */
export interface Conditions<Row> {
  readonly where?: FindOptionsWhere<Row>;
  readonly scopes?: readonly Scope<Row>[];
}

/** One condition for all. Two of one column are joined by And; none of them replaces another. */
export function conditionOf<Row>({ where, scopes = [] }: Conditions<Row>): FindOptionsWhere<Row> {
  const byColumn = new Map<string, unknown[]>();
  for (const condition of [...scopes.flatMap(expanded), ...(where ? [where] : [])]) {
    for (const [column, value] of Object.entries(condition)) {
      byColumn.set(column, [...(byColumn.get(column) ?? []), fresh(value)]);
    }
  }
  return Object.fromEntries([...byColumn].map(([column, values]) => [column, joined(values)])) as FindOptionsWhere<Row>;
}

function expanded<Row>(scope: Scope<Row>): FindOptionsWhere<Row>[] {
  const condition = scope();
  return isListOfScopes(condition) ? condition.flatMap(expanded) : [condition];
}

function isListOfScopes<Row>(condition: ReturnType<Scope<Row>>): condition is readonly Scope<Row>[] {
  return Array.isArray(condition);
}

function joined(values: readonly unknown[]): unknown {
  if (values.length === 1) return values[0];
  return And(
    ...values.map((value) => (value instanceof FindOperator ? (value as FindOperator<unknown>) : Equal(value))),
  );
}

/** TypeORM transforms an operator's value in place: one that is used again would be transformed again. */
function fresh(value: unknown): unknown {
  if (!(value instanceof FindOperator)) return value;
  const inner: unknown = Reflect.get(value, '_value');
  const copy = Object.assign(Object.create(Object.getPrototypeOf(value) as object) as object, value);
  Reflect.set(copy, '_value', Array.isArray(inner) ? inner.map(fresh) : fresh(inner));
  return copy;
}

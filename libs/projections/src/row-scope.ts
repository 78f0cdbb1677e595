// Which database rows are found in, and whether they may be changed. Set at every entry; no static connection anywhere.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from '@concord/database';
import { RowScopeMissing } from './row-errors.js';
import { type RowKey, RowSession } from './row-session.js';

interface RowScope {
  readonly database: Database;
  /** Of the projector that is at work; undefined for everybody else. */
  readonly session?: RowSession;
}

const scope = new AsyncLocalStorage<RowScope>();

/** Runs `work` with rows that are found in this database, and can be read. */
export function readingRows<T>(database: Database, work: () => T): T {
  return scope.run({ database }, work);
}

interface Projecting {
  /** Loaded first. */
  readonly named?: readonly RowKey[];
  /** What is found is locked until the transaction ends. */
  readonly locked?: boolean;
}

/** Runs a projector's work: rows can be changed too, and are written when it is done. */
export async function projectingRows<T>(
  database: Database,
  work: () => Promise<T>,
  { named = [], locked = false }: Projecting = {},
): Promise<T> {
  const session = new RowSession(database, { locked });
  await session.load(named);
  const result = await scope.run({ database, session }, work);
  await session.end();
  return result;
}

/** The scope of the running code. Errors: RowScopeMissing. */
export function currentRowScope(rowClass: string): RowScope {
  const current = scope.getStore();
  if (!current) throw new RowScopeMissing(rowClass);
  return current;
}

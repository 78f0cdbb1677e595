// Whether a command's handler only decides, until it commits: it may be run again, and must come to the same then.
import { AssertionError, deepStrictEqual } from 'node:assert/strict';
import { rehearse, type Rehearsed } from '@concord/commanding';
import type { Database } from '@concord/database';

/** What may be done by a handler and still be called pure. */
export interface PurityOptions {
  /** Rows that it writes in its own transaction are rolled back with it: say so if you mean it. */
  readonly mayWrite?: boolean;
}

class RollBack extends Error {}

/**
 * Runs the handlers of the commands that `send` sends twice, on the same state, in a transaction that is rolled back; make the
 * command outside, `send` only sends it. Fails when a handler decides other events or answers another value the second time,
 * or writes to the database; not noticed is what it writes elsewhere, or outside its transaction. Errors: AssertionError.
 */
export async function assertPure(
  database: Database,
  send: () => Promise<unknown>,
  { mayWrite = false }: PurityOptions = {},
): Promise<void> {
  const first = await rehearsal(database, send);
  if (first.rehearsed.length === 0)
    throw new AssertionError({ message: 'no command was sent: send one to check its handler' });
  if (first.wrote && !mayWrite) {
    throw new AssertionError({
      message: 'the handler writes to the database: let it decide events, and a projection write the rows',
    });
  }
  const second = await rehearsal(database, send);
  deepStrictEqual(
    second.rehearsed.map(comparable),
    first.rehearsed.map(comparable),
    'run again on the same state, the handler came to something else: time, ids and chance arrive in the command',
  );
}

async function rehearsal(
  database: Database,
  send: () => Promise<unknown>,
): Promise<{ rehearsed: readonly Rehearsed[]; wrote: boolean }> {
  let result: { rehearsed: readonly Rehearsed[]; wrote: boolean } | undefined;
  const rolledBack = database.transaction(async () => {
    const rehearsed = await rehearse(send);
    // A transaction has a number as soon as it has written anything.
    const text = 'select pg_current_xact_id_if_assigned() is not null as wrote';
    const [row] = await database.query<{ wrote: boolean }>({ text });
    result = { rehearsed, wrote: row?.wrote ?? false };
    throw new RollBack('rehearsed');
  });
  await rolledBack.catch((error: unknown) => {
    if (!(error instanceof RollBack)) throw error;
  });
  if (!result) throw new Error('unreachable: it was rolled back after it was rehearsed');
  return result;
}

function comparable({ decided, value, error }: Rehearsed): unknown {
  return { decided, value, error: error instanceof Error ? `${error.name}: ${error.message}` : error };
}

// concord locks: who holds which lock, who waits, and for whom.
import { Command } from 'commander';
import { type ListedLock, type LockWait, PostgresLockService } from '@concord/locking';
import { databaseOption, jsonOption, tenantOption } from '../options.js';
import { ageOf, printJson, printTable } from '../print.js';
import { withDatabase } from '../with-database.js';

interface Options {
  readonly tenant?: string;
  readonly json?: true;
  readonly database?: string;
}

const HELP = `
A lock is held by the attempt of a command ("owner") in a process; a prepared one by a transaction of several stores, which
outlives its process ("concord transactions"). Modes: S shared, U read to be changed, X exclusive. "began" is the age by which
locks are granted: the older one comes first. Waits are the edges of the wait-for graph: "owner" waits for "for owner", who holds
the lock, or stands in front.

Locks on Redis (CONCORD_LOCKS=redis) are in that Redis and not listed here, but for the prepared ones.`;

export function locksCommand(): Command {
  return new Command('locks')
    .description('Lists the locks that are held, and who waits for whom.')
    .addOption(tenantOption('of one tenant only'))
    .addOption(databaseOption())
    .addOption(jsonOption('{"locks": [..], "waits": [..]}'))
    .addHelpText('after', HELP)
    .action(show);
}

async function show({ tenant, json, database: which }: Options): Promise<void> {
  await withDatabase(which, async (database) => {
    const service = new PostgresLockService(database);
    const isWanted = (one: { readonly tenant: string }): boolean => tenant === undefined || one.tenant === tenant;
    const locks = (await service.locks()).filter(isWanted);
    const waits = (await service.waits()).filter(isWanted);
    if (json) printJson({ locks, waits });
    else print(locks, waits);
  });
}

function print(locks: readonly ListedLock[], waits: readonly LockWait[]): void {
  printTable(
    'Locks',
    ['tenant', 'stream', 'mode', 'owner', 'process', 'began', 'prepared', 'token'],
    locks.map(({ tenant, stream, mode, owner, label, started, prepared, fencingToken }) => {
      return [tenant, stream, mode, owner, label || '(gone)', ago(started), prepared ? 'yes' : 'no', fencingToken];
    }),
  );
  printTable(
    'Waits',
    ['tenant', 'stream', 'owner', 'wants', 'since', 'for owner', 'which', 'mode', 'process'],
    waits.map(({ tenant, stream, owner, mode, since, waitsFor }) => {
      const { owner: other, mode: theirs, label, prepared, holds } = waitsFor;
      const which = holds ? (prepared ? 'prepared' : 'holds it') : 'waits, is older';
      return [tenant, stream, owner, mode, ago(since), other, which, theirs, label || '(gone)'];
    }),
  );
}

function ago(time: Date): string {
  return `${ageOf(Date.now() - time.getTime())} ago`;
}

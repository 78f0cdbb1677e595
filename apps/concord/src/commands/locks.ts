// concord locks: who holds which lock, who waits, and for whom.
import { Command } from 'commander';
import { type ListedLock, type LockWait, PostgresLockService } from '@concord/locking';
import { printJson, printTable } from '../print.js';
import { withDatabase } from '../with-database.js';

interface Options {
  readonly tenant?: string;
  readonly json?: true;
}

export function locksCommand(): Command {
  return new Command('locks')
    .description('Lists the locks that are held, and who waits for whom.')
    .option('--tenant <id>', 'of one tenant only')
    .option('--json', 'as JSON: {"locks": [..], "waits": [..]}')
    .action(show);
}

async function show({ tenant, json }: Options): Promise<void> {
  await withDatabase(async (database) => {
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
      return [tenant, stream, mode, owner, label || '(gone)', ageOf(started), prepared ? 'yes' : 'no', fencingToken];
    }),
  );
  printTable(
    'Waits',
    ['tenant', 'stream', 'owner', 'wants', 'since', 'for owner', 'which', 'mode', 'process'],
    waits.map(({ tenant, stream, owner, mode, since, waitsFor }) => {
      const { owner: other, mode: theirs, label, prepared, holds } = waitsFor;
      const which = holds ? (prepared ? 'prepared' : 'holds it') : 'waits, is older';
      return [tenant, stream, owner, mode, ageOf(since), other, which, theirs, label || '(gone)'];
    }),
  );
}

function ageOf(since: Date): string {
  return `${((Date.now() - since.getTime()) / 1000).toFixed(1)} s ago`;
}

// Moves events out of concord.events into files. A file is durable before the transaction that records it and deletes the
// events commits: whatever dies when, an event is in the table or in a file that the manifest names, and never in both.
import { type Database, loadSql, type Statement } from '@concord/database';
import { type GlobalPosition, InvalidArgument } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { ArchiveOptions, ArchiveReport, ArchiveStep } from '../../requests.js';
import { ArchiveScavenger } from './archive-scavenger.js';
import { type ArchivedEvent, ArchiveUnavailable, type FileArchive } from './file-archive.js';
import { recordArchive } from './record-archive.js';

const sql = {
  lock: loadSql(import.meta.url, '../sql/lock-maintenance.sql'),
  hidden: loadSql(import.meta.url, '../sql/select-hidden.sql'),
  old: loadSql(import.meta.url, '../sql/select-old.sql'),
  olderThan: loadSql(import.meta.url, '../sql/last-older-than.sql'),
  delete: loadSql(import.meta.url, '../sql/delete-archived.sql'),
  scavenge: loadSql(import.meta.url, '../sql/scavenge.sql'),
};
const EVENTS_A_FILE = 10_000;
const REMOVED_AT_ONCE = 10_000;

type Row = Omit<ArchivedEvent, 'global_position' | 'stream_position'> & {
  readonly global_position: bigint;
  readonly stream_position: bigint;
};

export class Archiver {
  private readonly scavenger: ArchiveScavenger;

  constructor(
    private readonly database: Database,
    private readonly archive: FileArchive | undefined,
  ) {
    this.scavenger = new ArchiveScavenger(database, archive);
  }

  /** Removes what streams show no more, from the table and from the files; answers how many events. */
  async scavenge(tenant: TenantId): Promise<number> {
    let total = 0;
    for (let removed = REMOVED_AT_ONCE; removed === REMOVED_AT_ONCE; total += removed) {
      const [row] = await this.patiently<{ removed: bigint }>(sql.scavenge, [tenant, REMOVED_AT_ONCE]);
      removed = Number(row?.removed ?? 0);
    }
    return total + (await this.scavenger.run(tenant));
  }

  async run(tenant: TenantId, options: ArchiveOptions): Promise<ArchiveReport> {
    const { archive } = this;
    if (!archive) throw new ArchiveUnavailable('no archive folder is set: give the store one');
    const limit = options.eventsPerFile ?? EVENTS_A_FILE;
    if (!Number.isSafeInteger(limit) || limit < 1) throw new InvalidArgument('eventsPerFile is a whole number above 0');
    const target = await this.target(tenant, options);
    let [events, files] = [0, 0];
    for (;;) {
      const moved = await this.database.transaction(async (transaction) => {
        transaction.bePatient();
        await this.database.query(sql.lock, [tenant]);
        const rows = await this.due(tenant, target, limit);
        if (rows.length > 0) await this.move(archive, { tenant, rows, onStep: options.onStep ?? (() => undefined) });
        return rows.length;
      });
      if (moved === 0) return { events, files };
      await options.onStep?.('committed');
      events += moved;
      files += 1;
    }
  }

  /** Undefined: what is hidden. */
  private async target(tenant: TenantId, options: ArchiveOptions): Promise<GlobalPosition | undefined> {
    if ('hidden' in options) return undefined;
    if ('upTo' in options) return options.upTo;
    const [row] = await this.patiently<{ position: GlobalPosition }>(sql.olderThan, [tenant, options.before]);
    return row?.position ?? 0n;
  }

  /** It looks at a whole history, which may take long. */
  private patiently<Found extends object>(statement: Statement, values: readonly unknown[]): Promise<Found[]> {
    return this.database.transaction((transaction) => {
      transaction.bePatient();
      return this.database.query<Found>(statement, values);
    });
  }

  private due(tenant: TenantId, target: GlobalPosition | undefined, limit: number): Promise<Row[]> {
    if (target === undefined) return this.database.query<Row>(sql.hidden, [tenant, limit]);
    return this.database.query<Row>(sql.old, [tenant, limit, target]);
  }

  private async move(archive: FileArchive, { tenant, rows, onStep }: Move): Promise<void> {
    const events = rows.map(toArchived);
    const file = await archive.write(tenant, events, () => onStep('written'));
    await onStep('named');
    await recordArchive(this.database, tenant, { ...file, events });
    await onStep('recorded');
    const positions = rows.map((row) => row.global_position);
    const [deleted] = await this.database.query<{ events: bigint }>(sql.delete, [tenant, positions]);
    if (deleted?.events !== BigInt(rows.length)) throw new Error(`of ${rows.length} events only some were deleted`);
    await onStep('deleted');
  }
}

interface Move {
  readonly tenant: TenantId;
  readonly rows: readonly Row[];
  readonly onStep: (step: ArchiveStep) => void | Promise<void>;
}

function toArchived(row: Row): ArchivedEvent {
  return { ...row, global_position: row.global_position.toString(), stream_position: row.stream_position.toString() };
}

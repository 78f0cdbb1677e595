// A dry run of a rebuild: what it would change, for one tenant. The projection is replayed into temporary tables of one connection,
// up to what the rows hold in a snapshot, and compared with them in that snapshot. Nothing is locked but for a moment between two
// commands, where it is inline; nothing that others see is written.
import { type Database, openScratch, TransientConflict } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { type GlobalPosition, InvalidArgument } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { type Cut, cutBetweenCommands, cutOfCheckpoints } from './cut.js';
import type { ProjectionDefinition } from './projection.js';
import type { RebuildProgress } from './rebuild.js';
import { differencesOf, type TableDifferences } from './row-differences.js';
import { rowTableOf } from './row-table.js';
import { Trial } from './trial.js';

/** Which tenant (all when absent), and how much is shown. */
export interface CompareOptions {
  readonly tenantId?: string;
  /** Only events up to here are replayed, and compared with the rows as they are now. */
  readonly upTo?: GlobalPosition;
  /** Rows shown of each table at most; from 0 to 10,000, 20 by default. */
  readonly show?: number;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** What a rebuild of one tenant's rows would change. */
export interface ProjectionComparison {
  readonly projection: string;
  readonly tenantId: string;
  /** The rows hold all events up to here, and it was replayed as far; of a sliced projection some slices may be further. */
  readonly position: GlobalPosition;
  /** Events replayed. */
  readonly events: number;
  readonly equal: boolean;
  readonly tables: readonly TableDifferences[];
}

/** Where a comparison finds events and rows. */
interface Sources {
  readonly store: EventStore;
  readonly database: Database;
  readonly projection: ProjectionDefinition;
  readonly isInline: boolean;
}

const SHOWN = 20;
const MOST_SHOWN = 10_000;
// Pages are read from elsewhere in the middle of the transaction; whoever is stopped does not keep its snapshot for ever.
const LOOKER = {
  snapshot: { text: 'set transaction isolation level repeatable read' },
  idle: { text: `set local idle_in_transaction_session_timeout = '10min'` },
};

/** For the running tenant. Errors: InvalidArgument; the projector's; ProjectorReachesOut; TransientConflict: run it again. */
export async function compare(sources: Sources, options: CompareOptions = {}): Promise<ProjectionComparison> {
  const { database, projection } = sources;
  const { upTo, show = SHOWN, onProgress = () => undefined } = options;
  if (!Number.isInteger(show) || show < 0 || show > MOST_SHOWN) {
    throw new InvalidArgument(`show a whole number of rows from 0 to ${MOST_SHOWN}, not ${show}`);
  }
  const scratch = await openScratch(database, projection.rows);
  try {
    const trial = new Trial(sources, scratch.database, onProgress);
    // The most of it before the snapshot, which holds back the server's vacuum.
    const before = await reached(sources);
    await trial.through(least(before, upTo), () => true);
    return await scratch.database.transaction(async (transaction) => {
      transaction.bePatient();
      await scratch.database.query(LOOKER.snapshot);
      await scratch.database.query(LOOKER.idle);
      const cut = await cutOf(sources, scratch.database);
      assertPossible(cut, before, upTo);
      await trial.through(least(cut.last, upTo), (event) => cut.has(event));
      const tables: TableDifferences[] = [];
      for (const type of projection.rows) {
        const row = rowTableOf(database.dataSource, type);
        const shown = { tenantId: currentTenant(), limit: show };
        tables.push(await differencesOf(scratch.database, scratch.tablesOf(type), row, shown));
      }
      const equal = tables.every(({ added, removed, changed }) => added + removed + changed === 0);
      const position = least(cut.complete, upTo);
      return { projection: projection.name, tenantId: currentTenant(), position, events: trial.events, equal, tables };
    });
  } finally {
    await scratch.close();
  }
}

/** Up to where the rows hold everything now, and at any later time. */
async function reached({ store, database, projection, isInline }: Sources): Promise<GlobalPosition> {
  if (!isInline) return (await cutOfCheckpoints(database, projection)).complete;
  const heads = await store.tenantHeads();
  return heads.find(({ tenantId }) => tenantId === currentTenant())?.head ?? 0n;
}

function cutOf(sources: Sources, looker: Database): Promise<Cut> {
  const { projection, isInline } = sources;
  return isInline ? cutBetweenCommands(sources, projection, looker) : cutOfCheckpoints(looker, projection);
}

function assertPossible({ complete, last }: Cut, before: GlobalPosition, upTo: GlobalPosition | undefined): void {
  if (complete < before) throw new TransientConflict('the projection was rebuilt meanwhile: compare it again');
  if (upTo === undefined || upTo <= last) return;
  throw new InvalidArgument(`the projection has come to position ${last}, and not to ${upTo}: compare it up to there`);
}

function least(position: GlobalPosition, upTo: GlobalPosition | undefined): GlobalPosition {
  return upTo === undefined || upTo > position ? position : upTo;
}

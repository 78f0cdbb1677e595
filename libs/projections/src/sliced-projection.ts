// An asynchronous projection that several processes work on: a consumer group whose batches write rows. Rows, checkpoint and the
// proof that the slice is still this process's commit as one.
import { type Database, loadSql, TransientConflict } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import {
  type GroupFailure,
  type GroupMembership,
  type HandleBatch,
  NotYet,
  PostgresConsumerGroups,
  Signal,
} from '@concord/subscriptions';
import { currentTenant, type TenantId } from '@concord/tenancy';
import { clearRows, projectEvents } from './project-events.js';
import { type SlicedDefinition, subscriptionName } from './projection.js';
import type { ProjectionFailure, RunningProjection } from './running-projection.js';

const begin = loadSql(import.meta.url, 'sql/begin-projecting.sql');
const BATCH = 500;
// A page is read for all slices of a process, and kept in memory until the last of them has done its part.
const MAX_PAGE = 4096;

export class SlicedProjection implements RunningProjection {
  private membership: GroupMembership | undefined;
  private readonly never = new Signal();
  private readonly groups: PostgresConsumerGroups;

  constructor(
    store: EventStore,
    private readonly database: Database,
    private readonly projection: SlicedDefinition,
    private readonly onFailure: (failure: GroupFailure) => void,
  ) {
    this.groups = new PostgresConsumerGroups(store, database);
  }

  get advanced(): Signal {
    return this.membership?.advanced ?? this.never;
  }

  get failures(): readonly ProjectionFailure[] {
    const name = subscriptionName(this.projection);
    return (this.membership?.heldUp ?? []).map((held) => ({ name, ...held }));
  }

  positionOf(tenantId: TenantId): GlobalPosition | undefined {
    return this.membership?.positionOf(tenantId);
  }

  /** Errors: those of ConsumerGroups.join. */
  async start(): Promise<void> {
    const { projection } = this;
    const { slices, batchSize = BATCH } = projection.partitioning;
    const options = {
      name: subscriptionName(projection),
      categories: projection.categories,
      types: [...projection.handlers.keys()],
      delivery: 'exactly-once-in-database',
      onFailure: projection.onFailure ?? 'stop',
      savesIdle: true,
      pageSize: Math.min(slices * batchSize, MAX_PAGE),
      ...projection.partitioning,
      batchSize,
    } as const;
    this.membership = await this.groups.join(options, this.handler(), this.onFailure);
  }

  async stop(): Promise<void> {
    await this.membership?.leave();
  }

  private handler(): HandleBatch {
    const { database, projection } = this;
    return {
      begin: () => this.begin(),
      handleAll: (events) => projectEvents(database, projection, events, 'shared'),
    };
  }

  /** Errors: NotYet while the tenant is rebuilt, or another slice removes what a version before this one has left. */
  private async begin(): Promise<void> {
    const { database, projection } = this;
    const key = [subscriptionName(projection), currentTenant(), projection.name];
    const [row] = await database.query<{ begun: 'rebuilding' | 'first' | 'begun' }>(begin, key).catch(notYet);
    if (row?.begun === 'rebuilding') throw new NotYet(`projection ${projection.name} is being rebuilt`);
    if (row?.begun === 'first') await clearRows(database, projection, currentTenant());
  }
}

function notYet(error: unknown): never {
  if (error instanceof TransientConflict) throw new NotYet(error.message, {}, { cause: error });
  throw error;
}

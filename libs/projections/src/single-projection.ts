// An asynchronous projection with one owner at a time: a checkpointed consumer.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import { Consumer, type ConsumerFailure, type Signal } from '@concord/subscriptions';
import { currentTenant, type TenantId } from '@concord/tenancy';
import { clearRows, projectEvents } from './project-events.js';
import { type ProjectionDefinition, subscriptionName } from './projection.js';
import type { ProjectionFailure, RunningProjection } from './running-projection.js';

export class SingleProjection implements RunningProjection {
  private readonly consumer: Consumer;

  constructor(
    store: EventStore,
    database: Database,
    projection: ProjectionDefinition,
    onFailure: (failure: ConsumerFailure) => void,
  ) {
    this.consumer = new Consumer(store, database, {
      name: subscriptionName(projection),
      categories: projection.categories,
      types: [...projection.handlers.keys()],
      // A version that never ran finds the rows of the one before it.
      start: () => clearRows(database, projection, currentTenant()),
      handle: (events) => projectEvents(database, projection, events),
      onFailure,
    });
  }

  get advanced(): Signal {
    return this.consumer.advanced;
  }

  get failures(): readonly ProjectionFailure[] {
    return this.consumer.failures.map((failure) => ({ ...failure, stream: undefined }));
  }

  positionOf(tenantId: TenantId): GlobalPosition | undefined {
    return this.consumer.positionOf(tenantId);
  }

  start(): Promise<void> {
    this.consumer.start();
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return this.consumer.stop();
  }
}

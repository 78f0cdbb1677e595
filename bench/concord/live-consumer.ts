// A consumer that notes when it was given each event.
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { type GlobalPosition, newId } from '@concord/kernel';
import { Consumer } from '@concord/subscriptions';

export class LiveConsumer {
  /** By event id, the time of process.hrtime: one clock for all processes of a machine. */
  readonly seen = new Map<string, bigint>();
  private readonly consumer: Consumer;

  /** Begins after a position, at once. */
  constructor(store: EventStore, database: Database, from: GlobalPosition) {
    this.consumer = new Consumer(store, database, {
      name: `live-${newId()}`,
      from,
      handle: (events) => {
        const now = process.hrtime.bigint();
        for (const { id } of events) this.seen.set(id, now);
        return Promise.resolve();
      },
      onFailure: ({ error }) => process.emitWarning(error instanceof Error ? error : String(error)),
    });
    this.consumer.start();
  }

  stop(): Promise<void> {
    return this.consumer.stop();
  }
}

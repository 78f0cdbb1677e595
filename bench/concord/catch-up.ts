// The two ways in which this framework hands the whole feed to a handler: with a checkpoint, and without.
import type { Database } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { Consumer, followFeed } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import type { Deposit } from '../account.js';
import type { CatchUp } from '../contender.js';
import { TENANT } from './tenant.js';

// As the keyset read, and as Emmett.
const PAGE = 1_000;

/** Exactly once: each batch commits its checkpoint. It ends with the commit of the last one. */
export function consume(database: Database, events: number): CatchUp {
  return {
    events,
    async run(seen) {
      const done = Promise.withResolvers<undefined>();
      let left = events;
      const consumer = new Consumer(new PostgresEventStore(database), database, {
        name: `catchup-${newId()}`,
        batchSize: PAGE,
        handle: (batch) => {
          for (const { data } of batch) seen(data as Deposit);
          if ((left -= batch.length) <= 0) done.resolve(undefined);
          return Promise.resolve();
        },
        onFailure: ({ error }) => done.reject(error),
      });
      consumer.start();
      await done.promise.finally(() => consumer.stop());
    },
  };
}

/** One by one, from an iterator. */
export function follow(database: Database, events: number): CatchUp {
  return {
    events,
    async run(seen) {
      const store = new PostgresEventStore(database);
      const feed = runInTenant(TENANT, () => followFeed(store, { pageSize: PAGE }));
      for await (const item of feed) {
        if (item.kind === 'caught-up') return;
        if (item.kind === 'event') seen(item.event.data as Deposit);
      }
    },
  };
}

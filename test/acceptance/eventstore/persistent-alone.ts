// Persistent subscriptions without a server around them: for what no client can see or bring about.
import { openDatabase } from '@concord/database';
import { PostgresEventStore, StoredEvents } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { Checkpoints } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { Consumer } from '../../../apps/eventstore/src/persistent/consumer.js';
import type { Definition, SubscriptionSettings } from '../../../apps/eventstore/src/persistent/definition.js';
import type { Message } from '../../../apps/eventstore/src/persistent/message.js';
import {
  PersistentSubscription,
  type SubscriptionParts,
} from '../../../apps/eventstore/src/persistent/subscription.js';
import { Wake } from '../../../apps/eventstore/src/reading/wake.js';
import { TENANT } from './server-under-test.js';

/** Every part of the feed that is read is told to `feed`. */
class WatchedEvents extends StoredEvents {
  readonly feedReads: { readonly from: bigint; readonly type: string | undefined; readonly backwards: boolean }[] = [];

  override feed(...[range, backwards, filter]: Parameters<StoredEvents['feed']>): ReturnType<StoredEvents['feed']> {
    this.feedReads.push({ from: range.from, type: filter?.type, backwards });
    return super.feed(range, backwards, filter);
  }
}

const SETTINGS: SubscriptionSettings = {
  resolveLinks: false,
  extraStatistics: false,
  messageTimeout: 0,
  maxRetryCount: 1,
  checkpointAfter: 0,
  minCheckpointCount: 1,
  maxCheckpointCount: 100,
  maxSubscriberCount: 0,
  liveBufferSize: 10,
  readBatchSize: 10,
  historyBufferSize: 20,
  strategy: 'RoundRobin',
};

export interface Alone {
  readonly stored: WatchedEvents;
  /** Answers where the last one is in the feed. */
  append(stream: string, ...types: string[]): Promise<bigint>;
  begin(what: { stream?: string; settings?: Partial<SubscriptionSettings> }): Promise<PersistentSubscription>;
}

/** What a consumer gets that takes ten events at a time. */
export function consume({ dispatcher }: PersistentSubscription): Message[] {
  const sent: Message[] = [];
  dispatcher.connect(
    new Consumer({
      bufferSize: 10,
      user: 'u',
      from: 'f',
      connectionName: 'c',
      isClogged: () => false,
      end: () => undefined,
      send: (message) => sent.push(message),
    }),
  );
  return sent;
}

export async function alone(
  url: string,
  parts: Partial<Pick<SubscriptionParts, 'isOwner'>>,
  work: (alone: Alone) => Promise<void>,
): Promise<void> {
  const open = await openDatabase({ url, poolSize: 4 });
  const { database } = open;
  const [store, stored] = [new PostgresEventStore(database), new WatchedEvents(database)];
  const wake = new Wake(store, stored);
  const begun: PersistentSubscription[] = [];
  const all: SubscriptionParts = {
    store,
    stored,
    wake,
    checkpoints: new Checkpoints(database),
    fenced: (own) => store.transaction(own),
    mayResolve: () => Promise.resolve(true),
    isOwner: () => true,
    ...parts,
  };
  const append: Alone['append'] = async (stream, ...types) => {
    const events = types.map((type) => ({ id: newId(), type, data: {} }));
    const [result] = await store.append({ stream: stream as StreamName, expected: 'any', events });
    return result!.globalPosition;
  };
  const begin: Alone['begin'] = async ({ stream, settings = {} }) => {
    const definition: Definition = {
      ...(stream !== undefined && { stream }),
      group: 'g',
      startFrom: 0n,
      startsAt: 0n,
      settings: { ...SETTINGS, ...settings },
    };
    const subscription = new PersistentSubscription(all, definition);
    begun.push(subscription);
    await subscription.start();
    return subscription;
  };
  try {
    await runInTenant(TENANT, async () => {
      try {
        await work({ stored, append, begin });
      } finally {
        for (const subscription of begun) await subscription.stop(new Error('over'));
      }
    });
  } finally {
    wake.stop();
    await open.close();
  }
}

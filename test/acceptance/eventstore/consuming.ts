// Consumers of persistent subscriptions, as tests want them: events one after the other, and how the subscription ended.
import { once } from 'node:events';
import {
  type PersistentSubscriptionToAll,
  type PersistentSubscriptionToAllResolvedEvent,
  type PersistentSubscriptionToStream,
  type PersistentSubscriptionToStreamResolvedEvent,
} from '@eventstore/db-client';
import { eventually } from '../../fixtures/data-folder.js';

type Subscription = PersistentSubscriptionToStream | PersistentSubscriptionToAll;
export type Delivered = PersistentSubscriptionToStreamResolvedEvent | PersistentSubscriptionToAllResolvedEvent;

export interface Consuming {
  /** Everything that has come, in order. */
  readonly seen: readonly Delivered[];
  /** The next so many; waits for them. */
  take(count: number): Promise<Delivered[]>;
  ack(...events: Delivered[]): Promise<void>;
  nack(action: 'park' | 'retry' | 'skip' | 'stop', ...events: Delivered[]): Promise<void>;
  /** The error that ends it. */
  readonly ended: Promise<{ readonly type?: string }>;
  readonly confirmed: Promise<unknown>;
  leave(): Promise<void>;
}

const LIMIT_MS = 20_000;

export function consuming(subscription: Subscription): Consuming {
  const seen: Delivered[] = [];
  let taken = 0;
  const ended = new Promise<{ type?: string }>((resolve) => {
    subscription.on('error', (error: unknown) => resolve(error as { type?: string }));
  });
  const confirmed = once(subscription, 'confirmation');
  confirmed.catch(() => undefined);
  subscription.on('data', (event: Delivered) => seen.push(event));
  return {
    seen,
    ended,
    confirmed,
    async take(count) {
      await eventually(() => seen.length >= taken + count, `${count} more events after ${taken}`, LIMIT_MS);
      const events = seen.slice(taken, taken + count);
      taken += count;
      return events;
    },
    ack: (...events) => subscription.ack(...(events as never[])),
    nack: (action, ...events) => subscription.nack(action, 'a reason', ...(events as never[])),
    leave: () => subscription.unsubscribe(),
  };
}

export const typesOf = (events: readonly Delivered[]) => events.map(({ event }) => event?.type);

// A store whose locks are worth nothing, to see that the checker notices. It is a class of the chaos test: production code has
// no switch for it. Expected versions, the fence beneath the locks, are left in place: they keep appends from getting lost,
// and what locks alone prevent goes wrong.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database } from '@concord/database';
import { type LoadedStream, PostgresEventStore } from '@concord/event-store';
import type { StreamName } from '@concord/kernel';
import { Account, List } from '../aggregates.js';
import type { Order } from '../orders.js';
import { UnfencedCommands, type Weakening } from './weakened-locks.js';

export function storeOn(database: Database, weakening: Weakening | undefined): PostgresEventStore {
  return weakening ? new WeakenedStore(database, weakening) : new PostgresEventStore(database);
}

const running = new AsyncLocalStorage<Order>();

/** Runs the handler of an order so that a weakened store knows what it is about. */
export function weakly<T>(order: Order, work: () => Promise<T>): Promise<T> {
  return running.run(order, work);
}

class WeakenedStore extends PostgresEventStore {
  constructor(
    database: Database,
    private readonly weakening: Weakening,
  ) {
    super(database);
    Object.assign(this, { fenced: new UnfencedCommands(this.fenced) });
  }

  protected override async lockedLoad(
    streams: readonly StreamName[],
    version?: number,
  ): Promise<Map<StreamName, LoadedStream>> {
    const changed = changedBy(running.getStore());
    const isLocked = (stream: StreamName): boolean => this.weakening === 'reads-without-locks' && changed.has(stream);
    const locked = streams.filter(isLocked);
    const loaded = locked.length > 0 ? await super.lockedLoad(locked, version) : new Map<StreamName, LoadedStream>();
    for (const stream of streams) {
      if (!isLocked(stream)) loaded.set(stream, await this.unlocked.load(stream, version));
    }
    return loaded;
  }
}

function changedBy(order: Order | undefined): ReadonlySet<string> {
  if (order?.f === 'transfer') return new Set([order.from, order.to].map((id) => `${Account.category}-${id}`));
  if (order?.f !== 'txn') return new Set();
  const appends = order.steps.filter(([what]) => what === 'append');
  return new Set(appends.map(([, key]) => `${List.category}-${key}`));
}

// A process that follows the feed while another one appends: for live and waking. It answers `count` and `times`.
//   consume     one consumer, which notes when it got each event
//   wait <n>    n readers that wait for a category in which nothing happens: they are woken, look, and find nothing
//   work <n>    n consumers that get every event
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '@concord/database';
import { type EventStore, PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { followFeed } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { LiveConsumer } from './live-consumer.js';
import { TENANT } from './tenant.js';

export type FollowingRole = 'consume' | 'wait' | 'work';

export type FollowingRequest = 'count' | 'times';

/** `count`: events that were handled, or hints that were heard. Times are those of process.hrtime. */
export interface FollowingAnswer {
  readonly count: number;
  readonly times?: readonly (readonly [id: string, at: string])[];
}

interface Following {
  readonly count: () => number;
  readonly consumers: readonly LiveConsumer[];
}

const [url = '', role, readers = '1', from = '0'] = process.argv.slice(2);
const opened = await openDatabase({ url, poolSize: 20 });
const store = new PostgresEventStore(opened.database);

async function consumeAll(consumers: number): Promise<Following> {
  const all = Array.from({ length: consumers }, () => new LiveConsumer(store, opened.database, BigInt(from)));
  // Its connection for hints opens meanwhile.
  await sleep(500);
  return { consumers: all, count: () => all.reduce((sum, { seen }) => sum + seen.size, 0) };
}

async function wait(waiters: number): Promise<Following> {
  let heard = 0;
  store.onAppended((source) => (heard += source === 'elsewhere' ? 1 : 0));
  await Promise.all(Array.from({ length: waiters }, () => untilCaughtUp(store)));
  await sleep(500);
  heard = 0;
  return { consumers: [], count: () => heard };
}

/** Goes on waiting for more afterwards. */
function untilCaughtUp(events: EventStore): Promise<void> {
  const feed = runInTenant(TENANT, () => followFeed(events, { after: BigInt(from), categories: [`never${newId()}`] }));
  return new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      for await (const item of feed) {
        if (item.kind === 'event') throw new Error('an event of a category in which nothing happens');
        resolve();
      }
    };
    read().catch(reject);
  });
}

function answer(request: FollowingRequest, { count, consumers }: Following): FollowingAnswer {
  const [first] = consumers;
  if (request !== 'times' || !first) return { count: count() };
  return { count: count(), times: [...first.seen].map(([id, at]) => [id, String(at)] as const) };
}

// Nobody is left to follow for. What waits is not stopped first: this process has nothing to lose.
process.on('disconnect', () => process.exit());

const following = await (role === 'wait' ? wait(Number(readers)) : consumeAll(Number(readers)));
process.on('message', (request: FollowingRequest) => process.send?.(answer(request, following)));
process.send?.({ count: 0 } satisfies FollowingAnswer);

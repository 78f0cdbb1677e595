// A process that consumes the feed, or only listens for hints, and tells how long events took to reach its handler.
// node --import test/load-typescript.js test/measure/following-process.ts <url> consume|listen
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { Consumer } from '@concord/subscriptions';

const [url = '', what] = process.argv.slice(2);
const opened = await openDatabase({ url, poolSize: 4 });
const store = new PostgresEventStore(opened.database);
const latencies: number[] = [];
let hints = 0;
store.onAppended(() => (hints += 1));
const consumer = new Consumer(store, opened.database, {
  name: 'measured',
  handle: (events) => {
    const now = process.hrtime.bigint();
    const sent = events.map(({ data }) => data as { at?: string });
    for (const { at } of sent) if (at !== undefined) latencies.push(Number(now - BigInt(at)) / 1e6);
    return Promise.resolve();
  },
});
if (what === 'consume') consumer.start();
process.once('message', () => {
  void consumer.stop().then(async () => {
    const { user, system } = process.cpuUsage();
    await opened.close();
    process.send?.({ latencies, hints, cpuMs: (user + system) / 1000 }, () => process.disconnect());
  });
});
await sleep(500);
process.send?.('ready');

// What the guard of prepared streams costs appends: rounds with and without its trigger, one after the other.
// node --import ./test/load-typescript.js test/measure/prepared-guard-cost.ts [rounds]
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { closeTestPostgres, openTestPostgres } from '../test-postgres.js';

const ROUNDS = Number(process.argv[2] ?? 15);
const APPENDS = 4000;
const IN_FLIGHT = 32;

await openTestPostgres();
const created = await createTestDatabase();
const opened = await openDatabase({ url: created.url });
const store = new PostgresEventStore(opened.database);

async function rate(events: number): Promise<number> {
  const began = performance.now();
  let left = APPENDS / events;
  const worker = async (): Promise<void> => {
    while ((left -= 1) >= 0) {
      const appended = Array.from({ length: events }, () => ({
        id: newId(),
        type: 'Noted',
        data: { text: 'x'.repeat(300) },
      }));
      await store.append({ stream: `note-${newId()}`, expected: 'no-stream', events: appended });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return (APPENDS / (performance.now() - began)) * 1000;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
await opened.database.query({ text: 'select concord.start_guarding_prepared_streams()' });
const guard = (what: 'enable' | 'disable') =>
  opened.database.query({ text: `alter table concord.events ${what} trigger events_prepared_streams` });

await runInTenant('measure', async () => {
  for (const events of [1, 100]) {
    await rate(events);
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await guard('enable');
      const guarded = await rate(events);
      await guard('disable');
      ratios.push(guarded / (await rate(events)));
    }
    process.stdout.write(`${events} events an append: ${median(ratios).toFixed(3)} of the rate without the guard\n`);
  }
});
await store.close();
await opened.close();
await created.drop();
await closeTestPostgres();

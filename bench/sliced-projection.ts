// How fast one process projects in slices, beside the same projection with a single owner: 20,000 events of 500 streams that are there
// already, one row upserted an event, until caught up. They take turns; the ratio is the median of those within a round.
// npm run build && npx node dist/bench/sliced-projection.js [--rounds 3] [--events 20000] [--slices 16]
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Database, openDatabase, openPostgres } from '@concord/database';
import { EventStore, EventStoreModule, PostgresEventStore } from '@concord/event-store';
import { newId, type RecordedEvent } from '@concord/kernel';
import { type ProjectionOptions, Projection, Projections, ProjectionsModule } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Deposited } from './account.js';
import { BalanceRow } from './concord/balance.row.js';
import { databaseModule } from './concord/bus.app.js';
import { emptyBalances } from './concord/projection.app.js';
import { RowsProjector } from './concord/projectors.js';
import { createDatabase, dropDatabase, dropLeftovers } from './databases.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string' }, events: { type: 'string' }, slices: { type: 'string' } },
});
const ROUNDS = Number(values.rounds ?? 3);
const EVENTS = Number(values.events ?? 20_000);
const SLICES = Number(values.slices ?? 16);
const DATA_FOLDER = '.concord-bench';
const STREAMS = 500;
const TENANT = 'bench';
const PATIENCE_MS = 120_000;

@Module({})
class ProjectionApp {}

mkdirSync(DATA_FOLDER, { recursive: true });
const lease = await openPostgres({ dataFolder: DATA_FOLDER });
if (lease.embedded) await dropLeftovers(lease.url);
const url = await createDatabase(lease.url, 'sliced');
const opened = await openDatabase({ url, rows: [BalanceRow] });
await fill(new PostgresEventStore(opened.database));
const ratios: number[] = [];
for (let round = 0; round <= ROUNDS; round += 1) {
  const single = await rate(opened.database, `single${round}`, 'single');
  const sliced = await rate(opened.database, `sliced${round}`, { slices: SLICES });
  const told = { round, single: Math.round(single), sliced: Math.round(sliced), ratio: (sliced / single).toFixed(2) };
  // The first one warms up.
  if (round > 0) ratios.push(sliced / single);
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
ratios.sort((a, b) => a - b);
process.stdout.write(`median ratio ${ratios[Math.floor(ratios.length / 2)]?.toFixed(2)}\n`);
await opened.close();
await dropDatabase(lease.url, url);
await lease.release();

async function fill(store: PostgresEventStore): Promise<void> {
  const memo = 'm'.repeat(200);
  for (let from = 0; from < EVENTS; from += STREAMS) {
    const requests = Array.from({ length: STREAMS }, (_, n) => ({
      stream: `account-a${n}` as const,
      expected: 'any' as const,
      events: [{ id: newId(), type: 'Deposited', data: { accountId: `a${n}`, amount: from + n, memo } }],
    }));
    await runInTenant(TENANT, () => store.append(...requests));
  }
}

/** Events a second, the start of the application among it. */
async function rate(
  database: Database,
  name: string,
  partitioning: ProjectionOptions['partitioning'],
): Promise<number> {
  await emptyBalances(database);
  @Projection({
    name,
    version: 1,
    categories: ['account'],
    consistency: 'async',
    rows: [BalanceRow],
    ...(partitioning && { partitioning }),
  })
  class Projector extends RowsProjector {
    override deposited(event: RecordedEvent<Deposited>): Promise<void> {
      return super.deposited(event);
    }
  }
  const began = performance.now();
  await caughtUp(database, name, Projector);
  const seconds = (performance.now() - began) / 1000;
  const [row] = await database.query<{ deposits: number }>({
    text: 'select sum(deposits)::int as deposits from bench.balances',
  });
  if (row?.deposits !== EVENTS) throw new Error(`${name}: ${row?.deposits} of ${EVENTS} events`);
  return EVENTS / seconds;
}

async function caughtUp(database: Database, name: string, projector: Type): Promise<void> {
  const app = await NestFactory.createApplicationContext(
    {
      module: ProjectionApp,
      imports: [databaseModule(database), EventStoreModule.forRoot(), ProjectionsModule.forRoot()],
      providers: [projector],
    },
    { logger: ['error', 'warn'] },
  );
  const last = await app.get(EventStore).lastPosition();
  if (!(await runInTenant(TENANT, () => app.get(Projections).waitFor(name, last, PATIENCE_MS)))) throw new Error(name);
  await app.close();
}

// docs/reference/telemetry.md, the declarations in libs/telemetry, and what is really told: three times the same.
import { readFile } from 'node:fs/promises';
import { CommandPipeline, DomainCommand } from '@concord/commanding';
import { Database, TransientConflict } from '@concord/database';
import { EventStore, FeedWatch, openKurrentEventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { type MetricName, METRICS, SPANS } from '@concord/telemetry';
import { runInTenant } from '@concord/tenancy';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { type BankUnderTest, startBank, TENANT } from '../acceptance/bank-under-test.js';
import { until } from '../fixtures/group-member.js';
import { tellOfTalks } from '../fixtures/talk.js';
import { tellOfTransactions } from '../two-phase/stuck.js';
import { declared, inTrace, startTelemetry, type Telemetry } from '../fixtures/telemetry.js';

const PAGE = new URL('../../docs/reference/telemetry.md', import.meta.url);
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** The rows below a heading, without those of the head. */
async function rowsOf(heading: string): Promise<string[][]> {
  const [, section = ''] = (await readFile(PAGE, 'utf8')).split(`\n## ${heading}\n`);
  const lines = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe('the reference', () => {
  it('has every span as it is declared', async () => {
    const expected = Object.values(SPANS).map(({ operation, target, kind, what, attributes }) => [
      kind === 'server' ? operation : `\`${operation}\``,
      target,
      kind,
      what,
      code(attributes),
    ]);
    expect(await rowsOf('Spans')).toEqual(expected);
  });

  it('has every metric as it is declared', async () => {
    const expected = Object.entries(METRICS).map(([name, { kind, unit, what, attributes }]) => [
      `\`${name}\``,
      kind,
      `\`${unit}\``,
      what,
      code(attributes),
    ]);
    expect(await rowsOf('Metrics')).toEqual(expected);
  });
});

describe('every span and every metric that is declared', () => {
  let telemetry: Telemetry;
  let bank: BankUnderTest;
  beforeAll(async () => {
    telemetry = startTelemetry();
    bank = await startBank();
  });
  afterAll(async () => {
    await bank.close();
    await telemetry.stop();
  });

  it('is told of by a bank, a consumer group, a store on KurrentDB, transactions over two stores and process managers', async () => {
    const [store, database] = [bank.app.get(EventStore), bank.app.get(Database)];
    const events = [{ id: newId(), type: 'Noted', data: {} }];
    const note = (stream: StreamName): Promise<unknown> =>
      runInTenant(TENANT, () => store.append({ stream, expected: 'any', events: [{ ...events[0]!, id: newId() }] }));
    const group = { name: 'all', delivery: 'at-least-once', slices: 1 } as const;
    const member = await new PostgresConsumerGroups(store, database).join(group, () => Promise.resolve());
    const server = await startEventStoreServer({
      url: bank.databaseUrl,
      environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' },
    });
    const kurrent = await openKurrentEventStore(server.connectionString, { hearOthers: false });
    const transactions = await tellOfTransactions();
    const talks = await tellOfTalks();
    try {
      await bank.district(TENANT, 1, 'Prague');
      await bank.open('a-1', '10.00');
      await Promise.all(Array.from({ length: 20 }, (_, n) => note(`note-${n}`)));
      await runInTenant(TENANT, async () => {
        await inTrace(() => store.readFeed({ limit: 1 }));
        await Array.fromAsync(store.readStream('note-1'));
        await store.unlocked?.load('note-1');
        await store.transaction(() => store.lockAndLoad(['note-1']));
        await expect(store.append({ stream: 'note-1', expected: 'no-stream', events })).rejects.toThrow();
        await retryOnce(store);
        await kurrent.transaction(() => kurrent.append({ stream: 'letter-1', expected: 'any', events }));
      });
      await bank.app.get(FeedWatch).look();
      await until('all is handled', () => telemetry.named('process all').length > 20);
      const told = new Set(telemetry.spans.flatMap(declared));
      expect([...told].sort()).toEqual(Object.keys(SPANS).sort());
      const metrics = (await telemetry.collect()).map(({ descriptor }) => descriptor.name as MetricName);
      expect(metrics.sort()).toEqual((Object.keys(METRICS) as MetricName[]).sort());
    } finally {
      await kurrent.close();
      await server.close();
      await member.leave();
      await transactions.close();
      await talks.close();
    }
  });
});

class Unlucky extends DomainCommand<null> {}

/** A command that meets a passing conflict, and none at its second attempt. */
async function retryOnce(store: EventStore): Promise<void> {
  let attempts = 0;
  await new CommandPipeline(store).run(new Unlucky(null), async () => {
    attempts += 1;
    if (attempts === 1) throw new TransientConflict('busy');
  });
}

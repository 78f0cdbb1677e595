// What telemetry costs this process in CPU time, an append and a command: without an SDK, or with one whose exporters keep
// nothing. To compare with a tree that has none of it, run the same file there.
// node --import ./test/load-typescript.js test/measure/telemetry-cost.ts [--sdk] [--rounds 5] [--count 20000]
import { parseArgs } from 'node:util';
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { openDatabase } from '@concord/database';
import { AggregateRoot } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { metrics } from '@opentelemetry/api';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { EmbeddedServer } from '../torture/embedded-server.js';

const { values } = parseArgs({
  options: { sdk: { type: 'boolean' }, rounds: { type: 'string' }, count: { type: 'string' } },
});
const ROUNDS = Number(values.rounds ?? 5);
const COUNT = Number(values.count ?? 20_000);
const IN_FLIGHT = 32;

class Account extends AggregateRoot<DomainEvent<'Deposited', { text: string }>, number> {
  static readonly category = 'account';
  deposit(text: string): void {
    this.record({ type: 'Deposited', data: { text } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number): number => state + 1;
}
class Deposit extends DomainCommand<string> {}

if (values.sdk) startSdk();
const server = await EmbeddedServer.start();
const opened = await openDatabase({ url: server.url, poolSize: 8 });
const store = new PostgresEventStore(opened.database);
const pipeline = new CommandPipeline(store);
const aggregates = new Aggregates();
const text = 'x'.repeat(250);

const append = (): Promise<unknown> =>
  store.append({ stream: `s-${newId()}`, expected: 'no-stream', events: [{ id: newId(), type: 'X', data: { text } }] });
const command = (n: number): Promise<unknown> =>
  pipeline.run(new Deposit(`a${n % 500}`), async () => {
    (await aggregates.load(Account, `a${n % 500}`)).deposit(text);
  });

const kinds = { append, command };
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const [name, work] of Object.entries(kinds)) {
    const micros = await cpuOf(work);
    // The first one warms up.
    if (round > 0) process.stdout.write(`${JSON.stringify({ sdk: values.sdk ?? false, name, micros })}\n`);
  }
}
await opened.close();
await server.remove();
process.exit(0);

/** CPU time of this process, in microseconds each. */
async function cpuOf(work: (n: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < COUNT) await work((next += 1));
  };
  const before = process.cpuUsage();
  await runInTenant('measured', () => Promise.all(Array.from({ length: IN_FLIGHT }, lane)));
  const { user, system } = process.cpuUsage(before);
  return Number(((user + system) / COUNT).toFixed(2));
}

function startSdk(): void {
  const nothing = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
    forceFlush: () => Promise.resolve(),
  };
  new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(nothing)] }).register();
  const reader = new PeriodicExportingMetricReader({ exporter: nothing, exportIntervalMillis: 1_000 });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
}

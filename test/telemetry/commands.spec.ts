// What commands tell of themselves: on PostgreSQL, where they gather in mailboxes and in the group commit, each with its own
// trace all the same.
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { AggregateRoot, ensure, invariant, InvariantBroken } from '@concord/domain';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { SpanStatusCode } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';

type Added = DomainEvent<'Added', { by: number }>;
const small = invariant<number>({ name: 'small', kind: 'state', holds: (n) => n < 100, reason: (n) => `${n} is much` });

class Sum extends AggregateRoot<Added, number> {
  static readonly category = 'sum';
  add(by: number): void {
    ensure(small, this.state + by);
    if (by > 0) this.record({ type: 'Added', data: { by } });
  }
  protected override initialState = (): number => 0;
  protected override evolve = (state: number, event: Added): number => state + event.data.by;
}
class Add extends DomainCommand<number> {}
class AddToTwo extends DomainCommand<number> {}

let created: TestDatabase;
let opened: OpenDatabase[];
let stores: PostgresEventStore[];
let pipelines: CommandPipeline[];
let telemetry: Telemetry;
const aggregates = new Aggregates();

beforeAll(async () => {
  created = await createTestDatabase();
  opened = await Promise.all([1, 2].map(() => openDatabase({ url: created.url })));
  stores = opened.map(({ database }) => new PostgresEventStore(database, { unlockedFrom: 1 }));
  pipelines = stores.map((store) => new CommandPipeline(store));
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await Promise.all(opened.map((one) => one.close()));
  await created.drop();
});
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

const inTenant = (work: () => Promise<void>) => () => runInTenant('t1', work);

function add(
  by: number,
  ids: readonly string[],
  { process = 0, commandId }: { process?: number; commandId?: string } = {},
) {
  const command = ids.length > 1 ? new AddToTwo(by, commandId) : new Add(by, commandId);
  return pipelines[process]!.run(command, async () => {
    for (const sum of await aggregates.loadAll(Sum, ids)) sum.add(by);
  });
}
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const within = (spans: readonly ReadableSpan[], traceId: string) =>
  spans.filter((span) => span.spanContext().traceId === traceId);

describe('a command', () => {
  it(
    'is a span, with its load and its append below it, and measured',
    inTenant(async () => {
      const { traceId } = await inTrace(() => add(1, [newId()]));
      const [command] = telemetry.named('execute Add');
      expect(command!.spanContext().traceId).toBe(traceId);
      expect(command!.attributes).toEqual({
        'concord.command.type': 'Add',
        'concord.command.outcome': 'applied',
        'concord.command.attempts': 1,
        'concord.tenant.id': 't1',
      });
      for (const name of ['load sum', 'append sum']) {
        expect(telemetry.named(name).map(parentOf)).toEqual([idOf(command!)]);
      }
      const [duration] = await telemetry.points('concord.command.duration');
      expect(duration!.value.count).toBe(1);
      expect(duration!.attributes).toEqual({ 'concord.command.type': 'Add', 'concord.command.outcome': 'applied' });
      expect(await telemetry.points('concord.command.retries')).toEqual([]);
    }),
  );

  it(
    'is told of by its outcome',
    inTenant(async () => {
      const [id, commandId] = [newId(), newId()];
      await add(1, [id], { commandId });
      await add(1, [id], { commandId });
      await add(0, [id]);
      await expect(add(100, [id])).rejects.toBeInstanceOf(InvariantBroken);
      const broken = pipelines[0]!.run(new Add(1), () => Promise.reject(new TypeError('Jane Doe')));
      await expect(broken).rejects.toThrow('Jane Doe');
      const told = telemetry
        .named('execute Add')
        .map(({ attributes, status }) => [
          attributes['concord.command.outcome'],
          attributes['error.type'],
          status.code === SpanStatusCode.ERROR,
        ]);
      expect(told).toEqual([
        ['applied', undefined, false],
        ['repeated', undefined, false],
        ['unchanged', undefined, false],
        ['refused', 'invariant-broken', false],
        ['failed', 'TypeError', true],
      ]);
      const measured = await telemetry.points('concord.command.duration');
      expect(measured.map(({ attributes }) => attributes['concord.command.outcome']).sort()).toEqual(
        ['applied', 'failed', 'refused', 'repeated', 'unchanged'].sort(),
      );
    }),
  );

  it(
    'on two streams is locked, loaded and appended in its trace',
    inTenant(async () => {
      const { traceId } = await inTrace(() => add(1, [newId(), newId()]));
      const names = within(telemetry.spans, traceId).map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(['execute AddToTwo', 'lock_and_load sum', 'append sum']));
    }),
  );

  it(
    'tells of the attempts that another process cost it',
    inTenant(async () => {
      const id = newId();
      await add(1, [id]);
      await add(1, [id], { process: 1 });
      // Decided on what this process remembers, which is not the latest.
      await add(1, [id]);
      const attempts = telemetry.named('execute Add').map(({ attributes }) => attributes['concord.command.attempts']);
      expect(attempts).toEqual([1, 1, 2]);
      const type = { 'concord.command.type': 'Add' };
      expect(await telemetry.points('concord.command.retries')).toMatchObject([{ value: 1, attributes: type }]);
      expect(await telemetry.points('concord.append.conflicts')).toMatchObject([{ value: 1 }]);
    }),
  );
});

describe.each([
  ['one stream', () => Array.from({ length: 30 }, (_, __, id = 'hot') => id)],
  ['streams of their own', () => Array.from({ length: 30 }, () => newId())],
])('30 commands at once on %s', (_where, ids) => {
  it(
    'have each their own trace, append span and events',
    inTenant(async () => {
      const traces = await Promise.all(ids().map(async (id) => ({ id, ...(await inTrace(() => add(1, [id]))) })));
      // So that the test shows something: they did travel together.
      const [sizes] = await telemetry.points('concord.append.batch.events');
      expect(sizes!.value.count).toBeLessThan(30);
      for (const { traceId, result } of traces) {
        const own = within(telemetry.spans, traceId);
        const [command] = own.filter(({ name }) => name === 'execute Add');
        const appends = own.filter(({ name }) => name === 'append sum');
        expect(appends.map(parentOf)).toEqual([idOf(command!)]);
        const [changed] = result.streams;
        const options = { from: changed!.revision, limit: 1 };
        const [event] = await Array.fromAsync(stores[1]!.readStream(changed!.stream, options));
        expect(event!.metadata['traceparent']).toBe(traceparentOf(appends[0]!));
      }
      const linked = telemetry.named('append_batch concord.events').flatMap(({ links }) => links);
      const appends = new Set(telemetry.named('append sum').map(idOf));
      for (const { context } of linked) expect(appends).toContain(context.spanId);
    }),
  );
});

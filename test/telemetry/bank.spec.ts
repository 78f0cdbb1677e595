// A trace through the whole bank, over the event store and into its consumers: the very example of docs/how-to/observe.md.
import { Database } from '@concord/database';
import { EventStore } from '@concord/event-store';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { SpanKind } from '@opentelemetry/api';
import { type BankUnderTest, startBank, TENANT } from '../acceptance/bank-under-test.js';
import { until } from '../fixtures/group-member.js';
import { inTrace, startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';

let telemetry: Telemetry;
let bank: BankUnderTest;
beforeAll(async () => {
  telemetry = startTelemetry();
  bank = await startBank();
  await bank.district(TENANT, 1, 'Prague');
  await bank.open('a-1', '10.00');
});
afterAll(async () => {
  await bank.close();
  await telemetry.stop();
});
beforeEach(() => telemetry.reset());

const CALLER = '0af7651916cd43dd8448eb211c80319c';
const headers = { traceparent: `00-${CALLER}-b7ad6b7169203331-01` };
const inTraceOf = (traceId: string) => telemetry.spans.filter((span) => span.spanContext().traceId === traceId);
const named = (name: string) => inTraceOf(CALLER).find((span) => span.name === name)!;
const idOf = (name: string) => named(name).spanContext().spanId;
const parentOf = (name: string) => named(name).parentSpanContext?.spanId;

describe('a request to the bank', () => {
  it('is one trace from the caller through request, command and append into a consumer group', async () => {
    const groups = new PostgresConsumerGroups(bank.app.get(EventStore), bank.app.get(Database));
    const options = { name: 'letters', delivery: 'at-least-once', from: 'now' } as const;
    const member = await groups.join(options, () => Promise.resolve());
    try {
      const { status } = await bank.post('/v1/accounts/a-1/deposits', { amount: '1.00' }, { headers });
      expect(status).toBe(201);
      await until('it is consumed', () => inTraceOf(CALLER).some(({ name }) => name === 'process letters'));
    } finally {
      await member.leave();
    }
    const request = 'POST /v1/accounts/:accountId/deposits';
    expect(parentOf(request)).toBe('b7ad6b7169203331');
    expect(parentOf('execute DepositMoney')).toBe(idOf(request));
    expect(parentOf('append account')).toBe(idOf('execute DepositMoney'));
    expect(parentOf('process letters')).toBe(idOf('append account'));
    // Inline projections are part of the command.
    expect(parentOf('project ledger.accounts')).toBe(idOf('execute DepositMoney'));
    expect(named(request)).toMatchObject({
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/v1/accounts/:accountId/deposits',
        'http.response.status_code': 201,
        'url.scheme': 'http',
      },
    });
  });

  it('is linked from the batches in which asynchronous projections show it', async () => {
    await bank.post('/v1/accounts/a-1/deposits', { amount: '2.00' }, { headers });
    const [append] = inTraceOf(CALLER).filter(({ name }) => name === 'append account');
    const isLinked = () =>
      telemetry.spans.filter(
        ({ name, links }) =>
          name.startsWith('process projection:ledger.statement') &&
          links.some(({ context }) => context.spanId === append!.spanContext().spanId),
      );
    await until('the statement shows it', () => isLinked().length === 1);
    expect(isLinked()[0]!.spanContext().traceId).not.toBe(CALLER);
  });

  it('over GraphQL is a trace too', async () => {
    const query = 'mutation { deposit(accountId: "a-1", amount: "1.00") { position } }';
    const { body } = await bank.graphql(query, { headers });
    expect(body.errors).toBeUndefined();
    expect(parentOf('execute DepositMoney')).toBe(idOf('POST /graphql'));
  });

  it('begins its own trace where the caller has none, also for what is not found', async () => {
    const { status } = await bank.get('/nowhere');
    expect(status).toBe(404);
    expect(telemetry.named('GET').concat(telemetry.named('GET /*'))[0]).toMatchObject({ parentSpanContext: undefined });
  });

  it('has no second span where an instrumentation of HTTP has begun one', async () => {
    const { traceId } = await inTrace(async () => {
      // As an instrumentation has it: its span is active when fastify gets the request.
      await bank.app.inject({ method: 'GET', url: '/v1/accounts/a-1', headers: { 'x-tenant-id': TENANT } });
    });
    expect(inTraceOf(traceId).map(({ name }) => name)).not.toContain('GET /v1/accounts/:accountId');
    expect(telemetry.named('GET /v1/accounts/:accountId')).toEqual([]);
  });

  it('that is refused says why by its status, and no payload is told of', async () => {
    const { status } = await bank.post('/v1/accounts/a-1/withdrawals', { amount: '98765.43' }, { headers });
    expect(status).toBe(409);
    expect(named('execute WithdrawMoney').attributes).toMatchObject({
      'concord.command.outcome': 'refused',
      'error.type': 'invariant-broken',
    });
    const told = telemetry.spans.map(({ name, attributes, events, status: of }) => [name, attributes, events, of]);
    expect(JSON.stringify(told)).not.toMatch(/98765|a-1/);
    expect(traceparentOf(named('execute WithdrawMoney'))).toContain(CALLER);
  });
});

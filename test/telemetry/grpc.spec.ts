// A traced server of the EventStoreDB protocol: its clients get back what they sent, and domain code sees the trace.
import { EventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { type RawClient, rawClient } from '../acceptance/eventstore/raw-client.js';
import { collect, type ServerUnderTest, startServer, TENANT } from '../acceptance/eventstore/server-under-test.js';
import { startTelemetry, type Telemetry, traceparentOf } from '../fixtures/telemetry.js';

let telemetry: Telemetry;
let server: ServerUnderTest;
let raw: RawClient;
beforeAll(async () => {
  telemetry = startTelemetry();
  server = await startServer();
  raw = rawClient(server.port);
});
afterAll(async () => {
  raw.close();
  await server.close();
  await telemetry.stop();
});
beforeEach(() => telemetry.reset());

const GIVEN = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe.each([
  ['alone', false],
  ['in a batch', true],
])('what a client sends to a traced server, %s', (_, batch) => {
  it.each([
    ['no metadata', ''],
    ['an empty object', '{}'],
    ['metadata as JSON gives them back', '{"user":7}'],
    ['metadata with spaces', '{ "user" : 7 }'],
    ['metadata with a trace context of its own', `{"user":7,"traceparent":"${GIVEN}"}`],
    ['what is no JSON', 'oops'],
  ])('comes back to the byte: %s', async (_what, text) => {
    const sent = { contentType: 'application/json', data: Buffer.from('{"a":1.0}'), metadata: Buffer.from(text) };
    const stream = `exact-${newId()}` as StreamName;
    await raw.append(stream, [sent], batch);
    expect(await raw.read(stream)).toEqual([sent]);
    const [recorded] = await runInTenant(TENANT, () => collect(server.app.get(EventStore).readStream(stream)));
    const [append] = telemetry.named('append exact');
    const expected = text.includes(GIVEN) ? GIVEN : traceparentOf(append!);
    expect(recorded!.metadata['traceparent']).toBe(expected);
  });
});

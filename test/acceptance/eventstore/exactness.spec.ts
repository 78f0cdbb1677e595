// Payloads to the byte: the client parses JSON, so these tests speak to the services themselves.
import { binaryEvent } from '@eventstore/db-client';
import { EventStore } from '@concord/event-store';
import { newId, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { collect, type ServerUnderTest, startServer, TENANT } from './server-under-test.js';
import { type RawClient, rawClient } from './raw-client.js';

let server: ServerUnderTest;
let raw: RawClient;

beforeAll(async () => {
  server = await startServer();
  raw = rawClient(server.port);
});

afterAll(async () => {
  raw.close();
  await server.close();
});

const TEXTS: [string, string][] = [
  ['1.0 and a number beyond 2^53', '{"a":1.0,"b":12345678901234567890,"c":1e400,"d":-0}'],
  ['key order and repeated keys', '{"b":1,"a":2,"b":3,"10":4,"9":5}'],
  ['spaces within and around', ' { "a" : [ 1 , 2 ] }\n'],
  ['escapes', '{"\\u00e9":"\\u0041\\/\\uD83C\\uDFE6"}'],
  ['characters', '{"é":"漢字 🏦 \u2028"}'],
  ['an array', '[1.50, null]'],
  ['a number', '1.50'],
  ['a string', '"plain é"'],
  ['a string with escapes', '"\\u0041"'],
  ['null', 'null'],
  ['U+0000, which PostgreSQL cannot keep in JSON', '{"a":"x\\u0000y"}'],
  ['a backslash before u0000', '{"a":"\\\\u0000"}'],
  ['a lone surrogate', '{"a":"\\ud800"}'],
  ['deep nesting', '['.repeat(500) + ']'.repeat(500)],
  ['what is no JSON', '{oops'],
  ['nothing', ''],
];
const BINARY = Uint8Array.from({ length: 256 }, (_, index) => index);

describe.each(['alone', 'with others', 'in a batch'] as const)('what was sent comes back to the byte, %s', (way) => {
  it.each(TEXTS)('as JSON: %s', async (_, text) => {
    const sent = { contentType: 'application/json', data: Buffer.from(text), metadata: Buffer.from(text) };
    const stream = `exact-${newId()}`;
    await raw.append(stream, way === 'alone' ? [sent] : [sent, sent], way === 'in a batch');
    for (const came of await raw.read(stream)) expect(came).toEqual(sent);
  });

  it('as bytes', async () => {
    const sent = { contentType: 'application/octet-stream', data: Buffer.from(BINARY), metadata: Buffer.from(BINARY) };
    const stream = `exact-${newId()}`;
    await raw.append(stream, way === 'alone' ? [sent] : [sent, sent], way === 'in a batch');
    for (const came of await raw.read(stream)) expect(came).toEqual(sent);
  });
});

describe('clients and domain code share events', () => {
  it('as JSON values and metadata', async () => {
    const stream = `shared-${newId()}` as StreamName;
    const metadata = Buffer.from('{ "$correlationId": "c-1", "user": {"id": 7} }');
    await raw.append(stream, [{ contentType: 'application/json', data: Buffer.from('{"a": 1.0}'), metadata }], false);
    const [recorded] = await runInTenant(TENANT, () => collect(server.app.get(EventStore).readStream(stream)));
    expect(recorded).toMatchObject({ data: { a: 1 }, metadata: { $correlationId: 'c-1', user: { id: 7 } } });
  });

  it('what domain code appends has its metadata as custom metadata', async () => {
    const stream = `shared-${newId()}` as StreamName;
    const events = [
      { id: newId(), type: 'Plain', data: { b: 1, a: 2 } },
      { id: newId(), type: 'Told', data: [1], metadata: { correlationId: 'c-2' } },
    ];
    await runInTenant(TENANT, () => server.app.get(EventStore).append({ stream, expected: 'any', events }));
    const read = await collect(server.client.readStream(stream));
    expect(read.map(({ event }) => [event!.type, event!.isJson, event!.data, event!.metadata])).toEqual([
      ['Plain', true, { b: 1, a: 2 }, undefined],
      ['Told', true, [1], { correlationId: 'c-2' }],
    ]);
  });

  it('of its own tenant only', async () => {
    const stream = `shared-${newId()}` as StreamName;
    const other = await startServer({ EVENTSTORE_TENANT: 'other', DATABASE_URL: '' });
    await other.client.appendToStream(stream, binaryEvent({ type: 'B', data: BINARY }));
    const seenBy = (tenant: string) => runInTenant(tenant, () => collect(other.app.get(EventStore).readStream(stream)));
    expect(await seenBy('other')).toHaveLength(1);
    expect(await seenBy(TENANT)).toEqual([]);
    await other.close();
  });

  it('a repeat of an append is recognised, whichever way it was made', async () => {
    const stream = `shared-${newId()}`;
    const event = binaryEvent({ id: newId(), type: 'B', data: BINARY });
    const credentials = { username: 'u', password: 'p' };
    const first = await server.client.appendToStream(stream, event, { expectedRevision: 'no_stream' });
    const again = await server.client.appendToStream(stream, event, { expectedRevision: 'no_stream', credentials });
    expect(again).toEqual(first);
    expect(await collect(server.client.readStream(stream))).toHaveLength(1);
  });
});

// Pages that come in one row show what they show row by row: a limit below 32 is read row by row, one above it in one row.
import fc from 'fast-check';
import { openDatabase, type OpenDatabase } from '@concord/database';
import { newId, type RecordedEvent, streamName, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { PostgresEventStore } from './postgres-event-store.js';

const FEW = 20;

let testDatabase: TestDatabase;
let opened: OpenDatabase;
let store: PostgresEventStore;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase({ url: testDatabase.url });
  store = new PostgresEventStore(opened.database);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

interface Written {
  readonly type: string;
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

async function append(stream: StreamName, written: readonly Written[]): Promise<RecordedEvent[]> {
  const events = written.map((event) => ({ id: newId(), ...event }));
  return (await store.append({ stream, expected: 'any', events })).flatMap((result) => result.events);
}

async function rowByRow(stream: StreamName): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const some = await Array.fromAsync(store.readStream(stream, { from: BigInt(events.length), limit: FEW }));
    events.push(...some);
    if (some.length < FEW) return events;
  }
}

async function feed(limit: number): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let after = 0n; ; after = events.at(-1)?.globalPosition ?? 0n) {
    const page = await store.readFeed({ after, limit });
    events.push(...page.events);
    if (page.events.length < limit) return events;
  }
}

const inNewTenant = <T>(work: () => Promise<T>): Promise<T> => runInTenant(`t-${newId()}`, work);

const numbers = (count: number): Written[] =>
  Array.from({ length: count }, (_, n) => ({ type: 'Counted', data: { n }, metadata: {} }));

it('any event comes out of it as it does row by row', async () => {
  const type = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
    .filter((name) => !/\p{Cc}/u.test(name) && !name.startsWith('$'));
  // As JSON has it: what it cannot hold exactly (-0, among the numbers) is refused.
  const json = fc
    .jsonValue()
    .filter((value) => !JSON.stringify(value).includes('\\u0000'))
    .map((value) => JSON.parse(JSON.stringify(value)) as typeof value);
  const metadata = fc.dictionary(fc.constantFrom('note', 'a"b', 'c,d', 'e\\f'), json, { maxKeys: 3 });
  const written = fc.array(fc.record({ type, data: json, metadata }), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(written, (events) =>
      inNewTenant(async () => {
        const stream = streamName('any', newId());
        const appended = await append(stream, events);
        const packed = await Array.fromAsync(store.readStream(stream));
        expect(packed).toEqual(appended);
        expect(packed).toEqual(await rowByRow(stream));
        expect(await feed(200)).toEqual(appended);
        expect(await feed(FEW)).toEqual(appended);
      }),
    ),
    { numRuns: 40 },
  );
}, 60_000);

it.each([
  ['data', { data: { text: 'x'.repeat(70_000) }, metadata: {} }],
  ['data that compress well', { data: { text: ' '.repeat(5_000_000) }, metadata: {} }],
  // Digits of its own, which do not compress below the limit.
  ['metadata', { data: {}, metadata: { text: Array.from({ length: 60_000 }, (_, n) => (n * 7919) % 997).join() } }],
])('a page with large %s is read row by row', (_, large) =>
  inNewTenant(async () => {
    const stream = streamName('large', newId());
    const appended = await append(stream, [...numbers(40), { type: 'Grown', ...large }, ...numbers(40)]);
    expect(await Array.fromAsync(store.readStream(stream))).toEqual(appended);
    expect(await feed(1000)).toEqual(appended);
  }),
);

it('a type that holds the separator, as other clients may have stored it, is read row by row', () =>
  inNewTenant(async () => {
    const stream = streamName('odd', newId());
    await append(stream, numbers(40));
    await opened.database.query(
      { text: `update concord.events set event_type = E'a\\x1fb' where stream_name = $1 and stream_position = 3` },
      [stream],
    );
    const types = [...Array.from({ length: 3 }, () => 'Counted'), 'a\u001fb'];
    expect((await Array.fromAsync(store.readStream(stream))).slice(0, 4).map(({ type }) => type)).toEqual(types);
    expect((await feed(1000)).slice(0, 4).map(({ type }) => type)).toEqual(types);
  }));

it('positions beyond what a number holds, and times to the millisecond, are exact', () =>
  inNewTenant(async () => {
    const stream = streamName('late', newId());
    await append(stream, numbers(40));
    await opened.database.query(
      {
        text: `update concord.events set global_position = 9007199254740993 + stream_position,
          recorded_at = timestamptz '2199-12-31 23:59:59.123999+00' - stream_position * interval '0.001001 seconds'
          where stream_name = $1`,
      },
      [stream],
    );
    const packed = await Array.fromAsync(store.readStream(stream));
    expect(packed).toEqual(await rowByRow(stream));
    expect(packed[1]?.globalPosition).toBe(9007199254740994n);
  }));

it('whoever reads goes on where the stream does, when its beginning is taken away meanwhile', () =>
  inNewTenant(async () => {
    const stream = streamName('cut', newId());
    await append(stream, numbers(4500));
    const seen: bigint[] = [];
    for await (const { streamPosition } of store.readStream(stream)) {
      seen.push(streamPosition);
      // Within a page, with others under way.
      if (seen.length === 1500) {
        await store.writeStreamMetadata(stream, { truncateBefore: 3500n });
        await store.scavenge();
      }
    }
    expect(seen.at(-1)).toBe(4499n);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => (a < b ? -1 : 1)));
    expect(seen.filter((position) => position >= 3500n)).toHaveLength(1000);
  }));

it('those who ask for several events at once are given each once, in the order in which they asked', () =>
  inNewTenant(async () => {
    const stream = streamName('eager', newId());
    await append(stream, numbers(2500));
    const events = store.readStream(stream)[Symbol.asyncIterator]();
    const asked = await Promise.all(Array.from({ length: 2502 }, () => events.next()));
    expect(asked.map((one) => (one.done ? undefined : one.value.streamPosition))).toEqual([
      ...Array.from({ length: 2500 }, (_, n) => BigInt(n)),
      undefined,
      undefined,
    ]);
  }));

it('whoever stops while a page is on its way is given nothing of it any more', () =>
  inNewTenant(async () => {
    const stream = streamName('stopped', newId());
    await append(stream, numbers(50));
    const events = store.readStream(stream)[Symbol.asyncIterator]();
    const asked = events.next();
    await events.return?.();
    expect((await asked).done).toBe(true);
    expect((await events.next()).done).toBe(true);
  }));

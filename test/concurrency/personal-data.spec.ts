// Personal data in two processes: one key for all, and forgetting that reaches everybody, told or not.
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregateRoot } from '@concord/domain';
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId, type NewEvent, type StreamName } from '@concord/kernel';
import { DataSubjects, MasterKeys, personalData, PostgresSubjectKeys } from '@concord/privacy';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { Logger } from '@nestjs/common';

const MASTER = new MasterKeys(Buffer.alloc(32, 3).toString('base64'));
const DECLARED = [{ type: 'Named', subject: 'who', fields: { name: '-' } }];
const TENANT = 'privacy';
const ASKED = { reason: 'asked to' };

/** As a process of its own has it. */
interface Process {
  readonly opened: OpenDatabase;
  readonly store: PostgresEventStore;
  readonly keys: PostgresSubjectKeys;
  readonly subjects: DataSubjects;
}

let testDatabase: TestDatabase;
let a: Process;
let b: Process;
const processes: Process[] = [];

/** Its commands run in mailboxes, unless it is said from how many on. */
async function start(poolSize = 20, unlockedFrom = 1): Promise<Process> {
  const opened = await openDatabase({ url: testDatabase.url, poolSize });
  const store = new PostgresEventStore(opened.database, { unlockedFrom });
  const keys = new PostgresSubjectKeys(opened.database);
  store.useSeal(personalData(DECLARED, keys, MASTER));
  const started = { opened, store, keys, subjects: new DataSubjects(keys, MASTER) };
  processes.push(started);
  return started;
}

beforeAll(async () => {
  Logger.overrideLogger(false); // Connections are killed here, on purpose.
  testDatabase = await createTestDatabase();
  [a, b] = [await start(), await start()];
});
afterAll(async () => {
  await Promise.all(processes.map(({ opened }) => opened.close()));
  await testDatabase.drop();
});

const inTenant = (work: () => Promise<void>) => () => runInTenant(TENANT, work);
const named = (who: string, name = 'Ada'): NewEvent => ({ id: newId(), type: 'Named', data: { who, name } });
const append = ({ store }: Process, who: string, stream: StreamName = `thing-${newId()}`) =>
  store.append({ stream, expected: 'any', events: [named(who)] });
const namesOf = async ({ store }: Process, stream: StreamName): Promise<string[]> =>
  (await Array.fromAsync(store.readStream(stream))).map(({ data }) => (data as { name: string }).name);
const generations = (who: string) =>
  withClient(testDatabase.url, async (client) => {
    const text = `select generation, wrapped_key is not null as live from concord.subject_keys where subject = $1 order by 1`;
    return (await client.query<{ generation: number; live: boolean }>(text, [who])).rows;
  });
/** Until it holds, and how long that took. */
async function until(holds: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await holds())) await sleep(10);
  return performance.now() - began;
}

describe('a new subject', () => {
  it(
    'gets one key, whoever seals first, and everybody opens with it',
    inTenant(async () => {
      for (let round = 0; round < 20; round += 1) {
        const [who, stream] = [newId(), `thing-${newId()}` as StreamName];
        await Promise.all([a, b, a, b].map((one) => append(one, who, stream)));
        expect(await generations(who)).toEqual([{ generation: 1, live: true }]);
        const fresh = [a, b][round % 2]!;
        fresh.keys.announce();
        expect(await namesOf(fresh, stream)).toEqual(Array(4).fill('Ada'));
      }
    }),
  );

  it(
    'needs no connection of those that transactions hold',
    inTenant(async () => {
      const small = await start(2);
      const streams = Array.from({ length: 8 }, (): StreamName => `thing-${newId()}`);
      const work = streams.map((stream) =>
        small.store.transaction(async () => {
          await small.store.lockAndLoad([stream]);
          void small.store.append({ stream, expected: 'no-stream', events: [named(newId())] });
        }),
      );
      await Promise.all(work);
      for (const stream of streams) expect(await namesOf(small, stream)).toEqual(['Ada']);
    }),
    20_000,
  );

  it(
    'keeps its key when the transaction that wanted it is rolled back, and others have sealed with it',
    inTenant(async () => {
      const [who, stream] = [newId(), `thing-${newId()}` as StreamName];
      const rolledBack = a.store.transaction(async () => {
        await append(a, who);
        await append(b, who, stream);
        throw new Error('as was decided');
      });
      await expect(rolledBack).rejects.toThrow('as was decided');
      b.keys.announce();
      expect(await namesOf(b, stream)).toEqual(['Ada']);
    }),
  );

  it(
    'is sealed for after the connection for keys was lost',
    inTenant(async () => {
      await append(a, newId());
      await withClient(testDatabase.url, (client) =>
        client.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'concord keys'`),
      );
      await sleep(200);
      await append(a, newId());
    }),
  );
});

describe('forgetting', () => {
  it(
    'leaves nothing that is readable, whenever appends come',
    inTenant(async () => {
      for (let round = 0; round < 30; round += 1) {
        const [who, stream] = [newId(), `thing-${newId()}` as StreamName];
        // In half of them, the other process has the key at hand already.
        if (round % 2) await append(b, who, stream);
        const outcomes = await Promise.allSettled([
          append(b, who, stream),
          a.subjects.forget(who, ASKED),
          append(b, who, stream),
          append(a, who, stream),
        ]);
        for (const outcome of outcomes) {
          if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'subject-forgotten' });
        }
        expect(outcomes[1].status).toBe('fulfilled');
        b.keys.announce();
        expect(await generations(who)).toEqual([{ generation: 1, live: false }]);
        for (const one of [a, b]) expect(new Set(await namesOf(one, stream)).size).toBeLessThanOrEqual(1);
        for (const one of [a, b]) expect(await namesOf(one, stream)).not.toContain('Ada');
        await expect(append(b, who, stream)).rejects.toMatchObject({ code: 'subject-forgotten' });
      }
    }),
  );

  it(
    'waits for a key that is being made, and deletes it too',
    inTenant(async () => {
      const who = newId();
      await withClient(testDatabase.url, async (client) => {
        await client.query('begin');
        await client.query(
          `insert into concord.subject_keys (tenant_id, subject, generation, wrapped_key, master_key_id)
           values ($1, $2, 1, '\\x00', 'm')`,
          [TENANT, who],
        );
        let done = false;
        const forgetting = a.subjects.forget(who, ASKED).finally(() => (done = true));
        await sleep(300);
        expect(done).toBe(false);
        await client.query('commit');
        expect(await forgetting).toMatchObject({ outcome: 'forgotten' });
      });
      expect(await generations(who)).toEqual([{ generation: 1, live: false }]);
    }),
  );

  it(
    'of a subject that nobody knows keeps a key from being made',
    inTenant(async () => {
      const who = newId();
      expect(await a.subjects.forget(who, ASKED)).toMatchObject({ outcome: 'unknown' });
      await expect(append(b, who)).rejects.toMatchObject({ code: 'subject-forgotten' });
      expect(await generations(who)).toEqual([{ generation: 1, live: false }]);
    }),
  );

  it(
    'is undone for what comes later by one new key, however many readmit at once',
    inTenant(async () => {
      const who = newId();
      await append(a, who);
      await a.subjects.forget(who, ASKED);
      await Promise.allSettled([a.subjects.readmit(who), b.subjects.readmit(who)]);
      expect(await generations(who)).toEqual([
        { generation: 1, live: false },
        { generation: 2, live: true },
      ]);
      await append(b, who);
      await b.subjects.forget(who, ASKED);
      expect((await generations(who)).some(({ live }) => live)).toBe(false);
    }),
  );
});

type Named = DomainEvent<'Named', { who: string; name: string }>;
type Noted = DomainEvent<'Noted', object>;
class Person extends AggregateRoot<Named | Noted, string> {
  static readonly category = 'thing';
  note(): string {
    this.record({ type: 'Noted', data: {} });
    return this.state;
  }
  protected initialState = () => '';
  protected evolve = (state: string, event: Named | Noted) => (event.type === 'Named' ? event.data.name : state);
}
class Look extends DomainCommand<object, string> {}

describe('another process', () => {
  /** Reads, and has an aggregate and a key at hand. */
  async function knowing(one: Process) {
    const [who, id] = [newId(), newId()];
    const stream: StreamName = `thing-${id}`;
    await append(one, who, stream);
    const pipeline = new CommandPipeline(one.store);
    const handle = async () => (await new Aggregates().load(Person, id)).state;
    const look = async () => (await pipeline.run(new Look({}), handle)).value;
    expect(await look()).toBe('Ada');
    const note = () => pipeline.run(new Look({}), async () => (await new Aggregates().load(Person, id)).note());
    return { who, stream, look, note };
  }

  it(
    'that hears of it forgets at once',
    inTenant(async () => {
      const { who, stream, look } = await knowing(b);
      await sleep(200); // It listens by now.
      await a.subjects.forget(who, ASKED);
      const took = await until(async () => (await namesOf(b, stream))[0] === '-' && (await look()) === '-');
      // Well below the time after which it would have looked by itself.
      expect(took).toBeLessThan(2_000);
    }),
  );

  it(
    'keeps in memory nothing of it that a command under locks has left',
    inTenant(async () => {
      const quiet = await start(20, 100);
      const { who, look, note } = await knowing(quiet);
      for (let count = 0; count < 3; count += 1) await note();
      await a.subjects.forget(who, ASKED);
      await until(async () => (await look()) === '-');
      await note();
      await expect(look()).resolves.toBe('-');
    }),
    20_000,
  );

  it(
    'that does not hear of it forgets within ten seconds, aggregates in memory included',
    inTenant(async () => {
      const deaf = await start();
      await deaf.opened.database.notifications.close();
      const { who, stream, look } = await knowing(deaf);
      const { everywhereAt } = await a.subjects.forget(who, ASKED);
      // Else this test would prove nothing.
      expect([await namesOf(deaf, stream), await look()]).toEqual([['Ada'], 'Ada']);
      await until(async () => (await namesOf(deaf, stream))[0] === '-' && (await look()) === '-');
      expect(Date.now()).toBeLessThan(everywhereAt.getTime() + 1_000);
      await expect(append(deaf, who, stream)).rejects.toMatchObject({ code: 'subject-forgotten' });
    }),
    30_000,
  );
});

// A person in an app, and the person forgotten: where they could be read before, and that they cannot be read afterwards.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { Test, type TestingModule } from '@nestjs/testing';
import { CommandBus } from '@nestjs/cqrs';
import { Aggregates, CommandPipeline, DomainCommand } from '@concord/commanding';
import { Database, DatabaseModule } from '@concord/database';
import { EventStore, EventStoreModule, type PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { DataSubjects, PrivacyModule } from '@concord/privacy';
import { Projections, ReadModels } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { ClubApp, JoinClub } from './club.module.js';
import { MemberRow } from './member-rows.js';
import { Member, membersPersonal } from './members.js';

const MASTER_KEY = randomBytes(32).toString('base64');
const TENANT = 'club';
const NAME = 'Ada Lovelace';
const STREET = 'St. James’s Square 12';
const PLAIN = ['Lovelace', 'James', 'Dorset'];

let testDatabase: TestDatabase;
let folder: string;
let app: TestingModule;
let store: PostgresEventStore;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'concord-archive-'));
  const sql = await readFile(new URL('./members.sql', import.meta.url), 'utf8');
  await withClient(testDatabase.url, (client) => client.query(sql));
  app = await Test.createTestingModule({
    imports: [ClubApp.forDatabase(testDatabase.url, folder, { masterKey: MASTER_KEY })],
  }).compile();
  await app.init();
  store = app.get<PostgresEventStore>(EventStore);
});
afterAll(async () => {
  await app.close();
  await testDatabase.drop();
  await rm(folder, { recursive: true });
});

const inTenant = (work: () => Promise<void>) => () => runInTenant(TENANT, work);
const joined = (memberId: string) =>
  app.get(CommandBus).execute(new JoinClub({ memberId, name: NAME, address: { street: STREET, city: 'London' } }));

class Any extends DomainCommand<object, unknown> {}
/** A command on a member, as a handler would run. */
const on = <T>(type: typeof Member, id: string, decide: (member: Member) => T): Promise<T> => {
  const handle = async (): Promise<T> => decide(await app.get(Aggregates).load(type, id));
  return app
    .get(CommandPipeline)
    .run(new Any({}), handle)
    .then(({ value }) => value as T);
};

async function caughtUp(): Promise<void> {
  expect(await app.get(Projections).waitFor('club.members', await store.lastPosition(), 20_000)).toBe(true);
}
const row = (memberId: string) =>
  app.get(ReadModels).read(async () => {
    const { name, street, payments } = (await MemberRow.find({ memberId }))!;
    return { name, street, payments };
  });

/** Every row of every table of a schema, as text. */
async function dumpOf(schema: string): Promise<string> {
  return withClient(testDatabase.url, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1`,
      [schema],
    );
    expect(tables.length).toBeGreaterThan(0);
    const texts: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(`select t::text as text from ${name} t`);
      texts.push(...rows.map(({ text }) => `${name} ${text}`));
    }
    return texts.join('\n');
  });
}

function expectNothingOf(text: string): void {
  for (const word of PLAIN) expect(text).not.toContain(word);
}

describe('a person', () => {
  it(
    'is in no table but read models, and after being forgotten and replayed nowhere',
    inTenant(async () => {
      const id = newId();
      await joined(id);
      await on(Member, id, (member) => member.payFee('10.00'));
      await on(Member, id, (member) => member.move({ street: 'Dorset Street 1', city: 'London' }));
      await caughtUp();
      expect(await row(id)).toEqual({ name: NAME, street: 'Dorset Street 1', payments: 1 });
      expectNothingOf(await dumpOf('concord'));
      expect(await dumpOf('club')).toContain('Lovelace');

      const { outcome, everywhereAt } = await app.get(DataSubjects).forget(id, { reason: 'request 4711', by: 'clerk' });
      expect(outcome).toBe('forgotten');
      expect(everywhereAt.getTime() - Date.now()).toBeLessThanOrEqual(10_000);
      await app.get(Projections).rebuild('club.members', { tenantId: TENANT });

      expect(await row(id)).toEqual({ name: '(forgotten)', street: '(forgotten)', payments: 1 });
      expectNothingOf((await dumpOf('concord')) + (await dumpOf('club')));
      const record = await dumpOf('concord');
      expect(record).toMatch(/subject_keys .*clerk.*request 4711/);
      // The rest of the stream is there, and goes on; of the person nothing is stored any more.
      await on(Member, id, (member) => member.payFee('10.00'));
      await caughtUp();
      expect(await row(id)).toMatchObject({ payments: 2 });
      const moving = on(Member, id, (member) => member.move({ street: 'Dorset Street 2', city: 'London' }));
      const refused = await moving.catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'subject-forgotten' });
      expectNothingOf(String(refused) + JSON.stringify(refused));
    }),
  );

  it(
    'is forgotten by the aggregates in memory too',
    inTenant(async () => {
      const id = newId();
      await joined(id);
      const name = () => on(Member, id, ({ state }) => state.name);
      expect(await name()).toBe(NAME);
      await app.get(DataSubjects).forget(id, { reason: 'asked to' });
      expect(await name()).toBe('(forgotten)');
    }),
  );

  it(
    'is in no snapshot: of such aggregates none are taken',
    inTenant(async () => {
      class Snapped extends Member {
        static override readonly category = 'snapped';
        static readonly snapshots = { every: 1, version: 1 };
      }
      const id = newId();
      await on(Snapped, id, (member) => member.join(NAME, { street: STREET, city: 'London' }, '2026-11-22'));
      for (let n = 0; n < 3; n += 1) await on(Snapped, id, (member) => member.payFee('1'));
      // Under locks, and loaded from the store, it is the same.
      const other = await app.get(Database).transaction(() => store.lockAndLoad([`snapped-${id}`], 1));
      expect(other.get(`snapped-${id}`)).toMatchObject({ holdsPersonal: true, revision: 3n });
      expect(other.get(`snapped-${id}`)!.snapshot).toBeUndefined();
      expect(await dumpOf('concord')).not.toContain('concord.snapshots');
    }),
  );

  it('is not in archived files, and is forgotten there too', async () => {
    await runInTenant('archived', async () => {
      const id = newId();
      await joined(id);
      await on(Member, id, (member) => member.payFee('1'));
      await store.archive({ upTo: await store.lastPosition() });
      const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.z'));
      expect(files.length).toBe(1);
      const text = inflateSync(await readFile(join(folder, files[0]!))).toString('utf8');
      expect(text).toContain('MemberJoined');
      expectNothingOf(text);
      const first = async () => (await Array.fromAsync(store.readStream(`member-${id}`)))[0]!.data;
      const inFeed = async () => (await store.readFeed()).events[0]!.data;
      const loaded = async () => (await store.unlocked.load(`member-${id}`)).events[0]!.data;
      for (const read of [first, inFeed, loaded]) expect(await read()).toMatchObject({ name: NAME });
      await app.get(DataSubjects).forget(id, { reason: 'asked to' });
      for (const read of [first, inFeed, loaded]) expect(await read()).toMatchObject({ name: '(forgotten)' });
    });
  });
});

describe('an app with personal fields', () => {
  const started = async (...imports: object[]) => {
    const module = await Test.createTestingModule({ imports: imports as never[] }).compile();
    await module.init().finally(() => module.close());
  };

  it('does not start without a master key, or with one that is none', async () => {
    const app = () => ClubApp.forDatabase(testDatabase.url, folder, {});
    await expect(started(app())).rejects.toThrow(/there is no master key: set CONCORD_MASTER_KEY/);
    process.env['CONCORD_MASTER_KEY'] = 'secret';
    try {
      expect(app).toThrow(/CONCORD_MASTER_KEY is no key of 32 bytes/);
    } finally {
      delete process.env['CONCORD_MASTER_KEY'];
    }
  });

  it('does not start with declarations that cannot hold, or where nobody would heed them', async () => {
    const twice = PrivacyModule.forContext({ personal: [membersPersonal[1]!] });
    const app = ClubApp.forDatabase(testDatabase.url, folder, { masterKey: MASTER_KEY });
    await expect(started(app, twice)).rejects.toThrow(/MemberMoved has two declarations for the subject "memberId"/);
    const database = DatabaseModule.forRoot({ url: testDatabase.url });
    const unheeded = PrivacyModule.forContext({ personal: membersPersonal });
    await expect(started(database, EventStoreModule.forRoot(), unheeded)).rejects.toThrow(
      /PrivacyModule .*DataSubjects/,
    );
  });
});

// Projections in slices: several processes on one read model, killed, stopped beyond their lease, with events that fail, rebuilt.
import type { ChildProcess } from 'node:child_process';
import { newId, type RecordedEvent, type StreamName } from '@concord/kernel';
import { PartitioningChanged, Projection, Projections, RowsProjectedTwice } from '@concord/projections';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { concord } from '../fixtures/concord-cli.js';
import { until } from '../fixtures/group-member.js';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import {
  before,
  bootSliced,
  declared,
  folded,
  projected,
  type SlicedApp,
  SlicedTallies,
  STALLS,
  UnsharedTallies,
} from '../fixtures/sliced-tally.js';
import { BehindTallies, type Counted, tables } from '../fixtures/tally.js';

const PATIENCE_MS = 60_000;
const GROUP = 'projection:sliced:1';
let test: TestDatabase;
let looker: SlicedApp;
const children: ChildProcess[] = [];
const apps: SlicedApp[] = [];

beforeAll(async () => {
  test = await createTestDatabase();
  looker = await bootSliced(test.url, { run: false });
  await looker.database.query({ text: tables });
});
afterEach(async () => {
  before.event = () => Promise.resolve();
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.splice(0).map(ended));
  await Promise.all(apps.splice(0).map((app) => app.close()));
});
afterAll(async () => {
  await looker.close();
  await test.drop();
});

async function append(tenant: string, ids: readonly string[], by: number): Promise<bigint> {
  const appends = ids.map((id) => ({
    stream: `tally-${id}` as StreamName,
    expected: 'any' as const,
    events: [{ id: newId(), type: 'Counted', data: { by } }],
  }));
  const appended = await runInTenant(tenant, () => looker.store.append(...appends));
  return appended.map(({ globalPosition }) => globalPosition).reduce((a, b) => (a > b ? a : b));
}

const shows = (tenant: string, position: bigint, app = looker, patience = PATIENCE_MS): Promise<boolean> => {
  const projections = app.module.get(Projections);
  return runInTenant(tenant, () => projections.waitFor(projections.all[0]!.name, position, patience));
};
const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);
const groups = (): PostgresConsumerGroups => new PostgresConsumerGroups(looker.store, looker.database);

async function owned(): Promise<ReadonlyMap<string, number>> {
  const { slices } = await groups().describe(GROUP);
  const owners = slices.flatMap(({ memberId }) => (memberId ? [memberId] : []));
  return new Map([...new Set(owners)].map((owner) => [owner, owners.filter((one) => one === owner).length]));
}

interface Said {
  readonly said?: string;
  readonly inHand?: boolean;
}

async function start(label = ''): Promise<{ readonly process: ChildProcess; readonly said: Said[] }> {
  const { process, message } = await startProcess<Said>('sliced-process.ts', test.url, label);
  const said = [message];
  process.on('message', (each) => said.push(each as Said));
  children.push(process);
  return { process, said };
}

async function boot(options: Parameters<typeof bootSliced>[1] = {}): Promise<SlicedApp> {
  const app = await bootSliced(test.url, options);
  apps.push(app);
  return app;
}

async function expectFold(tenant: string): Promise<void> {
  expect(await projected(looker.database, tenant)).toEqual(await folded(looker.store, tenant));
}

it('two processes share the slices; one is killed, and the rows are those of a sequential fold', async () => {
  const [one, two] = await Promise.all([start(), start()]);
  await until('a half for each', async () => [...(await owned()).values()].join() === '3,3');
  let position = 0n;
  for (let round = 0; round < 40; round += 1) {
    for (const tenant of ['t1', 't2']) position = await append(tenant, ids(20), round);
    if (round === 20) one.process.kill('SIGKILL');
  }
  expect(await shows('t2', position)).toBe(true);
  await expectFold('t2');
  expect(await shows('t1', position - 20n)).toBe(true);
  await expectFold('t1');
  expect([...(await owned()).values()]).toEqual([6]);
  // What is live is shown to other processes within moments, by slices that have nothing to do too.
  const live = await append('t1', ['n1'], 5);
  expect(await shows('t1', live, looker, 5000)).toBe(true);
  two.process.send('leave');
  await ended(two.process);
});

it('an owner that is stopped beyond its lease in the middle of a batch is refused when it wakes up', async () => {
  const stopped = await start('stalls');
  expect(await shows('stopped', await append('stopped', ['other'], 1))).toBe(true);
  const position = await append('stopped', ['n1'], STALLS);
  await until('the batch in hand', () => stopped.said.some(({ inHand }) => inHand));
  stopped.process.kill('SIGSTOP');
  await boot();
  expect(await shows('stopped', position)).toBe(true);
  await expectFold('stopped');
  stopped.process.send('proceed');
  stopped.process.kill('SIGCONT');
  await until('the refusal', () => stopped.said.some(({ said }) => said?.endsWith('refused')));
  await until('a half for each', async () => [...(await owned()).values()].join() === '3,3');
  await expectFold('stopped');
  expect(await shows('stopped', await append('stopped', ids(10), 2))).toBe(true);
  await expectFold('stopped');
});

describe('an event that fails', () => {
  const poison = async ({ data: { by } }: RecordedEvent<Counted>): Promise<void> =>
    by === 13 ? Promise.reject(new Error('poison')) : Promise.resolve();

  it('is found, parked with its reason, seen, and replayed; only its stream waits', async () => {
    before.event = poison;
    await append('park', ids(30), 1);
    const bad = await append('park', ['n7'], 13);
    await append('park', ids(30), 2);
    const last = await append('park', ids(10), 3);
    const app = await boot();
    const of = <T>(work: () => T): T => runInTenant('park', work);
    await until('parked', async () => (await of(() => groups().parked(GROUP))).length === 1);
    const [parked] = await of(() => groups().parked(GROUP));
    expect(parked).toMatchObject({ stream: 'tally-n7', reason: 'Error: poison', attempts: 2, globalPosition: bad });
    await until('the other streams', async () => {
      const { streams } = await projected(looker.database, 'park');
      return streams.reduce((total, [, , events]) => total + events, 0) === 30 + 29 + 9;
    });
    // Not up to what waits, in whichever process one asks.
    expect(await shows('park', bad - 1n)).toBe(true);
    for (const each of [app, looker]) expect(await shows('park', bad, each, 200)).toBe(false);
    const projections = app.module.get(Projections);
    expect(of(() => projections.failureOf('sliced'))).toMatchObject({
      stream: 'tally-n7',
      attempts: 2,
      retryAt: undefined,
    });
    const status = await concord(test.url, 'projections', 'status', 'sliced', '--tenant', 'park', '--json');
    expect(JSON.parse(status.out)).toMatchObject({ slices: 6, parked: 1, waiting: 1, position: (bad - 1n).toString() });

    before.event = () => Promise.resolve();
    expect(await of(() => groups().replay(GROUP, [parked!.eventId]))).toBe(1);
    expect(await shows('park', last)).toBe(true);
    await expectFold('park');
    expect(of(() => projections.failureOf('sliced'))).toBeUndefined();
  });

  it("under 'stop', stops its tenant in its slice, and nothing is passed over", async () => {
    @Projection({ ...declared, version: 2, onFailure: 'stop' })
    class Stopping extends SlicedTallies {}
    before.event = poison;
    await append('stop', ids(30), 1);
    const bad = await append('stop', ['n7'], 13);
    const last = await append('stop', ids(30), 2);
    const app = await boot({ projectors: [Stopping] });
    const projections = app.module.get(Projections);
    const failure = () => runInTenant('stop', () => projections.failureOf('sliced'));
    await until('stopped', () => (failure()?.attempts ?? 0) > 2);
    expect(failure()).toMatchObject({ stream: undefined, error: new Error('poison'), retryAt: expect.any(Date) });
    expect(await shows('stop', bad, app, 200)).toBe(false);
    expect(await groups().describe('projection:sliced:2')).toMatchObject({ parked: [] });
    before.event = () => Promise.resolve();
    expect(await shows('stop', last, app)).toBe(true);
    await expectFold('stop');
    expect(failure()).toBeUndefined();
  });
});

it('is rebuilt while it runs, to the same rows, and what was parked with it', async () => {
  const app = await boot();
  const projections = app.module.get(Projections);
  let position = await append('rebuilt', ids(30), 4);
  expect(await shows('rebuilt', position)).toBe(true);
  const digest = await projections.digest('sliced', 'rebuilt');
  await looker.database.query({ text: `update spec.behind set sum = 0 where tenant_id = 'rebuilt'` });
  expect(await looker.module.get(Projections).rebuild('sliced', { tenantId: 'rebuilt' })).toBe(30);
  expect(await projections.digest('sliced', 'rebuilt')).toBe(digest);
  // While events come in; the owner has to hear that its slices begin elsewhere.
  const rebuilds = (async () => {
    for (let time = 0; time < 3; time += 1) await projections.rebuild('sliced', { tenantId: 'rebuilt' });
  })();
  for (let round = 0; round < 20; round += 1) position = await append('rebuilt', ids(10), round);
  await rebuilds;
  expect(await shows('rebuilt', position, app)).toBe(true);
  await expectFold('rebuilt');

  before.event = () => Promise.reject(new Error('poison'));
  position = await append('rebuilt', ['n1', 'n2'], 1);
  const parked = () => runInTenant('rebuilt', () => groups().parked(GROUP));
  await until('parked', async () => (await parked()).length === 2);
  before.event = () => Promise.resolve();
  await projections.rebuild('sliced', { tenantId: 'rebuilt' });
  expect(await parked()).toEqual([]);
  expect(await shows('rebuilt', position, app)).toBe(true);
  await expectFold('rebuilt');
  expect(await shows('rebuilt', await append('rebuilt', ids(5), 6), app)).toBe(true);
  await expectFold('rebuilt');
});

it('is left alone by its slices while it is rebuilt', async () => {
  const app = await boot({ projectors: [UnsharedTallies] });
  expect(await shows('alone', await append('alone', ids(5), 1), app)).toBe(true);
  let proceed = (): void => undefined;
  const gate = new Promise<void>((resolve) => (proceed = resolve));
  const underWay = new Promise<void>((resolve) => {
    before.event = ({ metadata }) => {
      // Its slices catch up with other tenants still.
      if (metadata.tenantId !== 'alone') return Promise.resolve();
      before.event = () => Promise.resolve();
      resolve();
      return gate;
    };
  });
  const rebuilt = app.module.get(Projections).rebuild('unshared', { tenantId: 'alone' });
  await underWay;
  const late = await append('alone', ['late'], 5);
  const early = await shows('alone', late, app, 500);
  proceed();
  expect([early, await rebuilt]).toEqual([false, 5]);
  expect(await shows('alone', late, app)).toBe(true);
  expect((await projected(looker.database, 'alone')).streams).toEqual((await folded(looker.store, 'alone')).streams);
});

describe('an app does not start', () => {
  const refused = (...projectors: Parameters<typeof Projection>[0][]) => {
    const types = projectors.map((options) => {
      @Projection(options)
      class Declared extends SlicedTallies {}
      return Declared;
    });
    return expect(bootSliced(test.url, { run: false, projectors: types })).rejects;
  };

  it('when the partitioning of a version has changed', async () => {
    const other = { ...declared, partitioning: { slices: 8 } };
    await refused(other).toThrow(PartitioningChanged);
    await refused(other).toThrow(/deployed in 6 slices, and is now declared in 8 slices.*Raise its version/);
    await refused({ ...declared, partitioning: 'single', onFailure: 'stop' }).toThrow(/declared as 'single'/);
    const single = await bootSliced(test.url, { run: false, projectors: [BehindTallies] });
    await single.close();
    await refused({ ...declared, name: 'behind' }).toThrow(/deployed as 'single', and is now declared in 6 slices/);
  });

  it('when what is declared makes no sense', async () => {
    await refused({ ...declared, version: 9, consistency: 'inline' }).toThrow(/inline, and so has no slices/);
    await refused({ ...declared, version: 9, partitioning: 'single' }).toThrow(/parks nothing without slices/);
    await refused({ ...declared, version: 9, partitioning: { slices: 0 } }).toThrow(/from 1 to 1024, not 0/);
  });

  it('when two projections write the rows of one class', async () => {
    const twice = refused(declared, { ...declared, name: 'again' });
    await twice.toThrow(/projections "sliced" and "again" both list BehindRow, and a rebuild of one would empty/);
    await refused(declared, { ...declared, name: 'again' }).toThrow(RowsProjectedTwice);
  });
});

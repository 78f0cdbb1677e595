// Commands and projections with the events on KurrentDB and everything else in PostgreSQL, as two processes have it.
import { EventStore, NotSupportedByStore } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { Projections } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { type RunningServer, startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { bootTally, Count, faults, InlineTallies, tables, type TallyApp } from '../fixtures/tally.js';

let server: RunningServer;
let apps: TallyApp[];
const drops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const [events, rows] = [await createTestDatabase(), await createTestDatabase()];
  drops.push(events.drop, rows.drop);
  server = await startEventStoreServer({ url: events.url, environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' } });
  const boot = () => bootTally(rows.url, [InlineTallies], 20, server.connectionString);
  const first = await boot();
  await first.database.queryOutside({ text: tables });
  apps = [first, await boot()];
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await server.close();
  for (const drop of drops) await drop();
});

const app = (index: number): TallyApp => apps[index % 2]!;
const inTenant = (work: (tenant: string) => Promise<void>) => () => {
  const tenant = `t-${newId()}`;
  return runInTenant(tenant, () => work(tenant));
};
const eventsOf = (id: string) => Array.fromAsync(app(0).module.get(EventStore).readStream(streamName('tally', id)));
async function rowOf(tenant: string, id: string): Promise<{ sum: string; events: number } | undefined> {
  const text = 'select sum, events from spec.tallies where tenant_id = $1 and id = $2';
  const [row] = await app(0).database.queryOutside<{ sum: string; events: number }>({ text }, [tenant, id]);
  return row;
}

describe('commands', () => {
  it(
    'decide under the lock: twenty at once, by two processes, on one aggregate',
    inTenant(async (tenant) => {
      await Promise.all(Array.from({ length: 20 }, (_, index) => app(index).count(['hot'], 1)));
      expect(await eventsOf('hot')).toHaveLength(20);
      expect(await rowOf(tenant, 'hot')).toEqual({ sum: '20', events: 20 });
    }),
  );

  it(
    'are applied once by their id, also when the stream has gone on, by whichever process',
    inTenant(async () => {
      const command = () => new Count({ ids: ['a'], by: 5 }, 'the-command');
      const first = await app(0).send(command());
      expect(first.repeated).toBe(false);
      await app(0).count(['a'], 1);
      for (const index of [0, 1]) {
        const again = await app(index).send(command());
        expect(again).toMatchObject({ repeated: true, streams: first.streams, position: first.position });
      }
      expect(await eventsOf('a')).toHaveLength(2);
    }),
  );

  it(
    'with one id, ten at once by two processes, add one event',
    inTenant(async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, (_, index) => app(index).send(new Count({ ids: ['b'], by: 5 }, 'ten-at-once'))),
      );
      expect(await eventsOf('b')).toHaveLength(1);
      expect(outcomes.filter(({ repeated }) => !repeated)).toHaveLength(1);
      expect(new Set(outcomes.map(({ position }) => position)).size).toBe(1);
    }),
  );

  it(
    'whose id is used for another command are refused',
    inTenant(async () => {
      await app(0).send(new Count({ ids: ['c'], by: 5 }, 'reused', 'one'));
      await expect(app(1).send(new Count({ ids: ['c'], by: 6 }, 'reused', 'two'))).rejects.toMatchObject({
        code: 'command-id-reused',
      });
      expect(await eventsOf('c')).toHaveLength(1);
    }),
  );

  it(
    'that change two aggregates are refused, and change neither',
    inTenant(async () => {
      await expect(app(0).count(['x', 'y'], 1)).rejects.toThrow(NotSupportedByStore);
      expect([...(await eventsOf('x')), ...(await eventsOf('y'))]).toEqual([]);
    }),
  );
});

describe('inline projections', () => {
  it(
    'show what a command has committed when it is answered',
    inTenant(async (tenant) => {
      for (let n = 1; n <= 5; n += 1) {
        await app(n).count(['seen'], 1);
        expect(await rowOf(tenant, 'seen')).toEqual({ sum: n.toString(), events: n });
      }
    }),
  );

  it(
    'that fail do not undo the command, and say that they are behind',
    inTenant(async (tenant) => {
      const projections = app(0).module.get(Projections);
      faults.inline = 13;
      const position = await app(0).count(['late'], 13);
      expect(await eventsOf('late')).toHaveLength(1);
      expect(await rowOf(tenant, 'late')).toBeUndefined();
      expect(await projections.waitFor('inline', position, 50)).toBe(false);
      faults.inline = 0;
      expect(await projections.waitFor('inline', position, 60_000)).toBe(true);
      expect(await rowOf(tenant, 'late')).toEqual({ sum: '13', events: 1 });
    }),
  );

  it(
    'are rebuilt from the streams',
    inTenant(async (tenant) => {
      await app(0).count(['again'], 2);
      const projections = app(0).module.get(Projections);
      const before = await projections.digest('inline', tenant);
      expect(await projections.rebuild('inline', { tenantId: tenant })).toBe(1);
      expect(await projections.digest('inline', tenant)).toBe(before);
    }),
  );
});

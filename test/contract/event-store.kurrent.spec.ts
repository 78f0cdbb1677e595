// The adapter for KurrentDB: over apps/eventstore always, and on a cluster of yours when EVENTSTORE_URL was given.
import { type Database, openDatabase } from '@concord/database';
import { type EventStore, openKurrentEventStore } from '@concord/event-store';
import { PostgresSubjectKeys, type SubjectKeys } from '@concord/privacy';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { eventStoreContract } from './event-store.contract.js';

const can = {
  multiStreamAppend: false,
  sameTransactionAsReadModels: false,
  findEventsById: false,
  uniqueEventIds: false,
  recordedAnswers: false,
  locksHoldAgainstAppend: false,
  knowsHiddenEnds: false,
  streamLifeInTransaction: false,
  snapshots: false,
  scavenging: false,
};

interface Stores {
  readonly a: EventStore;
  readonly b: EventStore;
  readonly keys: { readonly a: SubjectKeys; readonly b: SubjectKeys };
  close(): Promise<void>;
}

/** As two processes would have it: connections of their own, and the locks in one database. */
async function twoStores(url: string): Promise<Stores> {
  const { url: databaseUrl, drop } = await createTestDatabase();
  const opened = [await openDatabase({ url: databaseUrl }), await openDatabase({ url: databaseUrl })] as const;
  // Hearing others is watch.spec.ts's: here one would be woken by what the test before has appended.
  const store = (database: Database) => openKurrentEventStore(url, { database, hearOthers: false });
  const [a, b] = [await store(opened[0].database), await store(opened[1].database)];
  const close = async (): Promise<void> => {
    await Promise.all([a.close(), b.close()]);
    await Promise.all(opened.map((one) => one.close()));
    await drop();
  };
  const keys = { a: new PostgresSubjectKeys(opened[0].database), b: new PostgresSubjectKeys(opened[1].database) };
  return { a, b, keys, close };
}

describe('the event store on KurrentDB, over apps/eventstore', () => {
  eventStoreContract(async () => {
    const { url, drop } = await createTestDatabase();
    const server = await startEventStoreServer({ url, environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' } });
    const stores = await twoStores(server.connectionString);
    const close = async (): Promise<void> => {
      await stores.close();
      await server.close();
      await drop();
    };
    return { ...stores, close };
  }, can);
});

// test/global-setup.mts has put it here, so that nothing but this suite works on that cluster.
const cluster = process.env['CONTRACT_EVENTSTORE_URL'];

describe('the event store on KurrentDB, on the cluster of EVENTSTORE_URL', () => {
  if (cluster) eventStoreContract(() => twoStores(cluster), can);
  const unless = cluster ? it : it.skip;
  unless('keeps the contract (set EVENTSTORE_URL to run it)', () => expect(cluster).toMatch(/^esdb/));
});

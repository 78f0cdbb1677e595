// The stores that are traced, and what is appended to them.
import { type Database, openDatabase } from '@concord/database';
import {
  type AppendRequest,
  type EventStore,
  MemoryEventStore,
  openKurrentEventStore,
  PostgresEventStore,
} from '@concord/event-store';
import { type EventMetadata, newId, type StreamName, streamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';

export interface Opened {
  readonly store: EventStore;
  readonly database?: Database;
  close(): Promise<void>;
}

export async function openPostgres(): Promise<Opened> {
  const { url, drop } = await createTestDatabase();
  const opened = await openDatabase({ url });
  const store = new PostgresEventStore(opened.database);
  const close = async (): Promise<void> => {
    await store.close();
    await opened.close();
    await drop();
  };
  return { store, database: opened.database, close };
}

async function openKurrent(): Promise<Opened> {
  const { url, drop } = await createTestDatabase();
  const server = await startEventStoreServer({ url, environment: { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' } });
  const store = await openKurrentEventStore(server.connectionString, { hearOthers: false });
  const close = async (): Promise<void> => {
    await store.close();
    await server.close();
    await drop();
  };
  return { store, close };
}

/** How each kind of store is opened. */
export const stores = {
  memory: () => Promise.resolve({ store: new MemoryEventStore(), close: () => Promise.resolve() }),
  postgresql: openPostgres,
  // Its server is in this process, and is traced too: as another store, on PostgreSQL.
  kurrentdb: openKurrent,
};

export const inTenant = (work: () => Promise<void>) => () => runInTenant('t1', work);
export const fresh = (): StreamName => streamName('account', newId());
export const to = (stream: StreamName, metadata?: EventMetadata, id = newId()): AppendRequest => ({
  stream,
  expected: 'any',
  events: [{ id, type: 'Happened', data: { secret: 'Jane Doe' }, ...(metadata && { metadata }) }],
});

// Where the suites of consumer groups run: a group's rows are in PostgreSQL, the events in one store or the other.
import { createTestDatabase, withClient } from '@concord/testing';
import { startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';
import { type Places, tables } from '../../fixtures/group-member.js';

/** Empty stores of one test's own. */
export interface Ground {
  readonly places: Places;
  close(): Promise<void>;
}

/** A kind of event store. */
export interface GroupStores {
  /** What a handler appends commits with the rest of its work. */
  readonly appendsWithRows: boolean;
  open(): Promise<Ground>;
}

async function rows(): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const database = await createTestDatabase();
  await withClient(database.url, (client) => client.query(tables));
  return database;
}

export const onPostgres: GroupStores = {
  appendsWithRows: true,
  async open() {
    const { url, drop } = await rows();
    return { places: { url, eventsUrl: url }, close: drop };
  },
};

export const onKurrent: GroupStores = {
  appendsWithRows: false,
  async open() {
    const [{ url, drop }, events] = [await rows(), await createTestDatabase()];
    const environment = { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' };
    const server = await startEventStoreServer({ url: events.url, environment });
    const close = async (): Promise<void> => {
      await server.close();
      await Promise.all([drop(), events.drop()]);
    };
    return { places: { url, eventsUrl: events.url, eventStoreUrl: server.connectionString }, close };
  },
};

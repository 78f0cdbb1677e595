// Where the suites of consumer groups run: a group's rows are in PostgreSQL, the events in one store or the other.
import type { StreamName } from '@concord/kernel';
import { createTestDatabase, withClient } from '@concord/testing';
import { startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';
import { countHandled, type Node, openNode, type Places, tables } from '../../fixtures/group-member.js';

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

export const group = 'spec';

/** Of countHandled(): each once, and in order. */
export const clean = { missing: 0, repeated: 0, disordered: 0 };

export function streams(count: number): StreamName[] {
  return Array.from({ length: count }, (_, n): StreamName => `order-${n}`);
}

export function allHandled(of: Node): () => Promise<boolean> {
  return async () => (await countHandled(of, group)).missing === 0;
}

/** What a suite's tests stand on, each on its own. */
export interface Scene {
  readonly places: Places;
  /** With connections of its own, closed after the test. */
  node(poolSize?: number): Promise<Node>;
}

/** Opens stores before each test of the suite in which it is called, and closes them and their nodes after it. */
export function sceneOn(stores: GroupStores): Scene {
  let ground: Ground;
  let nodes: Node[] = [];
  beforeEach(async () => {
    ground = await stores.open();
    nodes = [];
  });
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await ground.close();
  });
  return {
    get places() {
      return ground.places;
    },
    async node(poolSize) {
      const opened = await openNode(ground.places, poolSize);
      nodes.push(opened);
      return opened;
    },
  };
}

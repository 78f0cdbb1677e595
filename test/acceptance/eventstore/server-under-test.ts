// The server as its clients meet it: real clients over the wire, a database of its own.
import {
  type AllStreamResolvedEvent,
  type AllStreamSubscription,
  EventStoreDBClient,
  jsonEvent,
  type ResolvedEvent,
} from '@eventstore/db-client';
import { createTestDatabase } from '@concord/testing';
import { type RunningServer, startEventStoreServer } from '../../../apps/eventstore/src/start-server.js';

export interface ServerUnderTest extends RunningServer {
  readonly databaseUrl: string;
  readonly client: EventStoreDBClient;
  /** Another connection; disposed with the server. */
  connect(query?: string): EventStoreDBClient;
}

export const TENANT = 'default';

const QUIET = { LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'silent', EVENTSTORE_PORT: '0' };

/** `through` turns the address of the database into the one that the server gets: for a relay in between. */
export async function startServer(
  environment: NodeJS.ProcessEnv = {},
  through: (url: string) => Promise<string> | string = (url) => url,
): Promise<ServerUnderTest> {
  const database = await createTestDatabase();
  const options = { url: await through(database.url), environment: { ...QUIET, ...environment } };
  const server = await startEventStoreServer(options).catch(async (error: unknown) => {
    await database.drop();
    throw error;
  });
  const clients: EventStoreDBClient[] = [];
  const connect = (query = ''): EventStoreDBClient => {
    const client = EventStoreDBClient.connectionString(server.connectionString + query);
    clients.push(client);
    return client;
  };
  return {
    ...server,
    databaseUrl: database.url,
    client: connect(),
    connect,
    async close() {
      await Promise.all(clients.map((client) => client.dispose()));
      await server.close();
      await database.drop();
    },
  };
}

export function event(type = 'Happened', data: object = { n: 1 }) {
  return jsonEvent({ type, data: data as Record<string, never> });
}

export async function collect<T>(events: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(events);
}

/** Takes the next events of a subscription; fails with it. */
export function taking(subscription: AsyncIterable<ResolvedEvent | AllStreamResolvedEvent> | AllStreamSubscription) {
  const iterator = (subscription as AsyncIterable<ResolvedEvent>)[Symbol.asyncIterator]();
  return async (count: number): Promise<ResolvedEvent[]> => {
    const taken: ResolvedEvent[] = [];
    while (taken.length < count) {
      const next = await iterator.next();
      if (next.done) break;
      taken.push(next.value);
    }
    return taken;
  };
}

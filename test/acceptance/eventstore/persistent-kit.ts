// A server with helpers for persistent subscriptions: a stream, a group "g" of it, and its consumers.
import { setTimeout as sleep } from 'node:timers/promises';
import { persistentSubscriptionToStreamSettingsFromDefaults, START } from '@eventstore/db-client';
import { newId } from '@concord/kernel';
import { consuming } from './consuming.js';
import { event, type ServerUnderTest, startServer } from './server-under-test.js';

export type Settings = Parameters<typeof persistentSubscriptionToStreamSettingsFromDefaults>[0];

/** One server for all tests of a file, and more for those that want one of their own. */
export function serversUnderTest() {
  const others: ServerUnderTest[] = [];
  let shared: ServerUnderTest;
  beforeAll(async () => {
    shared = await startServer();
  });
  afterEach(async () => {
    await Promise.all(others.splice(0).map((other) => other.close()));
  });
  afterAll(async () => {
    await shared.close();
  });
  return {
    get shared() {
      return shared;
    },
    async another() {
      const other = await startServer();
      others.push(other);
      return other;
    },
  };
}

export const fresh = (category = 'order') => `${category}-${newId()}`;
export const events = (...types: string[]) => types.map((type) => event(type));
export const fromStart = (settings: Settings = {}) =>
  persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, ...settings });

export async function subscribed(
  { client }: ServerUnderTest,
  types: string[],
  settings: Settings = {},
  stream = fresh(),
) {
  if (types.length > 0) await client.appendToStream(stream, events(...types));
  await client.createPersistentSubscriptionToStream(stream, 'g', fromStart(settings));
  const consume = (bufferSize = 10) =>
    consuming(client.subscribeToPersistentSubscriptionToStream(stream, 'g', { bufferSize }));
  const info = () => client.getPersistentSubscriptionToStreamInfo(stream, 'g');
  return { client, stream, consume, info, parked: `$persistentsubscription-${stream}::g-parked` };
}

export async function until(condition: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms`);
    await sleep(50);
  }
}

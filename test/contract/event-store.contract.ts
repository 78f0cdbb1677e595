// What every event store does, whatever keeps its events. Adapters run it from their own spec.
import { anyClient } from './event-store/any-client.js';
import { appendAndRead } from './event-store/append-and-read.js';
import { expectedVersion } from './event-store/expected-version.js';
import { links } from './event-store/links.js';
import { personalFields } from './event-store/personal.js';
import { scavenging } from './event-store/scavenging.js';
import { snapshots } from './event-store/snapshots.js';
import { severalStreams } from './event-store/several-streams.js';
import { eventIds } from './event-store/event-ids.js';
import { feed } from './event-store/feed.js';
import { streamDeletion } from './event-store/stream-deletion.js';
import { streamMetadata } from './event-store/stream-metadata.js';
import { transaction } from './event-store/transaction.js';
import { upcasts } from './event-store/upcasts.js';
import { ALL_CAPABILITIES, type EventStore, type StoreCapabilities } from '@concord/event-store';
import type { SubjectKeys } from '@concord/privacy';
import type { Opened, TwoStores } from './event-store/kit.js';

export function eventStoreContract(open: () => Promise<TwoStores>, can: StoreCapabilities = ALL_CAPABILITIES): void {
  const stores = { can } as Opened & TwoStores;
  const keysOf = (store: EventStore): SubjectKeys => (store === stores.b ? stores.keys.b : stores.keys.a);
  beforeAll(async () => Object.assign(stores, await open()));
  afterAll(() => stores.close());
  it('says what it can do', () => expect(stores.a.capabilities).toEqual(can));
  appendAndRead(stores);
  anyClient(stores);
  expectedVersion(stores);
  severalStreams(stores);
  eventIds(stores);
  feed(stores);
  transaction(stores);
  streamMetadata(stores);
  streamDeletion(stores);
  scavenging(stores);
  snapshots(stores);
  upcasts(stores);
  links(stores);
  personalFields(stores, keysOf);
}

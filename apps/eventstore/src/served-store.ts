// What is behind the protocol: the store, who may do what with it, and who waits for news of it.
import { hostname } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Database } from '@concord/database';
import { EventStore, StoredEvents } from '@concord/event-store';
import { Access } from './access/access.js';
import { anybody } from './access/users.js';
import { PersistentSubscriptions } from './persistent/subscriptions.js';
import { Wake } from './reading/wake.js';
import { EventStoreSettings } from './settings.js';

@Injectable()
export class ServedStore {
  readonly access: Access;
  readonly wake: Wake;
  readonly subscriptions: PersistentSubscriptions;
  /** Where the server listens, once it does. */
  port = 0;

  constructor(
    settings: EventStoreSettings,
    readonly store: EventStore,
    readonly stored: StoredEvents,
    database: Database,
  ) {
    this.access = new Access(store);
    this.wake = new Wake(store, stored);
    this.subscriptions = new PersistentSubscriptions({
      database,
      store,
      stored,
      wake: this.wake,
      // Whoever consumes an event, it was found for all consumers.
      mayResolve: (stream) => this.access.mayRead(anybody(settings.users), stream),
      tenant: settings.tenant,
      leaseMs: settings.lease,
      endpoint: () => `${reachableHost(settings.host)}:${this.port}`,
    });
  }
}

/** Who listens everywhere is known by the name of its machine. */
function reachableHost(host: string): string {
  return ['0.0.0.0', '::', '[::]'].includes(host) ? hostname() : host;
}

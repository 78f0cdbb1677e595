// Nest wiring: EventStore is the port; the adapter behind it is chosen here.
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Database } from '@concord/database';
import type { Upcast } from '@concord/domain';
import { ContextUpcasts, UpcastRegistry } from './context-upcasts.js';
import { EventStore } from './event-store.js';
import { openKurrentEventStore } from './kurrent/open.js';
import { PostgresEventStore, type PostgresEventStoreOptions } from './postgres/postgres-event-store.js';

/** Chooses the adapter behind EventStore. */
@Module({})
export class EventStoreModule implements OnApplicationShutdown {
  constructor(@Inject(EventStore) private readonly store: EventStore) {}

  /**
   * A global EventStore: on the KurrentDB of `kurrentUrl` or EVENTSTORE_URL when there is one, else (or with `''`) on
   * PostgreSQL, with the archive in CONCORD_ARCHIVE unless told otherwise. Needs a global Database in either case. Errors:
   * InvalidArgument for a connection string that is none.
   */
  static forRoot(
    options: PostgresEventStoreOptions = fromEnvironment(),
    kurrentUrl = process.env['EVENTSTORE_URL'],
  ): DynamicModule {
    return {
      module: EventStoreModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        {
          provide: EventStore,
          useFactory: (database: Database) =>
            kurrentUrl ? openKurrentEventStore(kurrentUrl, { database }) : new PostgresEventStore(database, options),
          inject: [Database],
        },
        UpcastRegistry,
      ],
      exports: [EventStore],
    };
  }

  /** In each bounded context that has any: how its old events are read. A chain with a gap or a cycle stops the start. */
  static forContext({ upcasts }: { readonly upcasts: readonly Upcast[] }): DynamicModule {
    const token = `ContextUpcasts(${upcasts.map(({ type, from }) => `${type} ${from}`).join()})`;
    return { module: EventStoreModule, providers: [{ provide: token, useValue: new ContextUpcasts(upcasts) }] };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

function fromEnvironment(): PostgresEventStoreOptions {
  const archiveFolder = process.env['CONCORD_ARCHIVE'];
  return archiveFolder ? { archiveFolder } : {};
}

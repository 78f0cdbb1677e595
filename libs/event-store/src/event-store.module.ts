// Nest wiring: EventStore is the port; the adapter behind it is chosen here.
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@concord/database';
import { EventStore } from './event-store.js';
import { openKurrentEventStore } from './kurrent/open.js';
import { PostgresEventStore, type PostgresEventStoreOptions } from './postgres/postgres-event-store.js';

/** Chooses the adapter behind EventStore. */
@Module({})
export class EventStoreModule implements OnApplicationShutdown {
  constructor(@Inject(EventStore) private readonly store: EventStore) {}

  /**
   * A global EventStore: on the KurrentDB of `kurrentUrl` or EVENTSTORE_URL when there is one, else on PostgreSQL. Needs a
   * global Database in either case. Errors: InvalidArgument for a connection string that is none.
   */
  static forRoot(options: PostgresEventStoreOptions = {}, kurrentUrl = process.env['EVENTSTORE_URL']): DynamicModule {
    return {
      module: EventStoreModule,
      global: true,
      providers: [
        {
          provide: EventStore,
          useFactory: (database: Database) =>
            kurrentUrl ? openKurrentEventStore(kurrentUrl, { database }) : new PostgresEventStore(database, options),
          inject: [Database],
        },
      ],
      exports: [EventStore],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}

// Nest wiring: EventStore is the port; the adapter behind it is chosen here.
import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from '@concord/database';
import { EventStore } from './event-store.js';
import { PostgresEventStore, type PostgresEventStoreOptions } from './postgres/postgres-event-store.js';

/** Chooses the adapter behind EventStore. */
@Module({})
export class EventStoreModule {
  /** A global EventStore on PostgreSQL. Needs a global Database. */
  static forRoot(options: PostgresEventStoreOptions = {}): DynamicModule {
    return {
      module: EventStoreModule,
      global: true,
      providers: [
        {
          provide: EventStore,
          useFactory: (database: Database) => new PostgresEventStore(database, options),
          inject: [Database],
        },
      ],
      exports: [EventStore],
    };
  }
}

// The server's parts: the database, the store, and the protocol in front of them.
import { type DynamicModule, Module } from '@nestjs/common';
import { Database, DatabaseModule, type DatabaseOptions } from '@concord/database';
import { EventStoreModule, StoredEvents } from '@concord/event-store';
import { LoggerModule } from 'nestjs-pino';
import { Users } from './access/users.js';
import { GrpcServer } from './grpc/grpc-server.js';
import { loggingOptions } from './logging.js';
import { ServedStore } from './served-store.js';
import { EventStoreSettings } from './settings.js';

@Module({})
export class EventStoreServerModule {
  static forRoot(database: Omit<DatabaseOptions, 'rows'>, settings: EventStoreSettings, users: Users): DynamicModule {
    return {
      module: EventStoreServerModule,
      imports: [
        LoggerModule.forRoot(loggingOptions(settings.logLevel)),
        DatabaseModule.forRoot(database),
        // Never the store that EVENTSTORE_URL names: that is this one, for its clients.
        EventStoreModule.forRoot(settings.archive === undefined ? {} : { archiveFolder: settings.archive }, ''),
      ],
      providers: [
        { provide: EventStoreSettings, useValue: settings },
        {
          provide: StoredEvents,
          useFactory: (opened: Database) => new StoredEvents(opened, settings.archive),
          inject: [Database],
        },
        { provide: Users, useValue: users },
        ServedStore,
        GrpcServer,
      ],
    };
  }
}

// Nest wiring of the database: opened before anything needs it, closed after everything has stopped.
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { whileBuilding } from './build-or-close.js';
import { Database } from './database.js';
import { type DatabaseOptions, openDatabase, type OpenDatabase } from './open-database.js';

const OPEN_DATABASE = Symbol('OpenDatabase');

/** Opens, migrates and closes the app's database. */
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(@Inject(OPEN_DATABASE) private readonly opened: OpenDatabase) {}

  /** A global Database. */
  static forRoot(options: DatabaseOptions = {}): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: OPEN_DATABASE, useFactory: () => whileBuilding(openDatabase(options)) },
        { provide: Database, useFactory: (opened: OpenDatabase) => opened.database, inject: [OPEN_DATABASE] },
      ],
      exports: [Database],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.opened.close();
  }
}

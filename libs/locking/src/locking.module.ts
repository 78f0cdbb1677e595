// Nest wiring of the lock service.
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@concord/database';
import { LockService } from './lock-service.js';
import { type LockServiceOptions, PostgresLockService } from './postgres/postgres-lock-service.js';

/** Chooses the adapter behind LockService. */
@Module({})
export class LockingModule implements OnApplicationShutdown {
  constructor(@Inject(LockService) private readonly locks: LockService) {}

  /** A global LockService on PostgreSQL, under which commands run. Needs a global Database. */
  static forRoot(options: LockServiceOptions = {}): DynamicModule {
    return {
      module: LockingModule,
      global: true,
      providers: [
        {
          provide: LockService,
          useFactory: (database: Database) => new PostgresLockService(database, options),
          inject: [Database],
        },
      ],
      exports: [LockService],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.locks.close();
  }
}

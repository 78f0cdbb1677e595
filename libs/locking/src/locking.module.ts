// Nest wiring of the lock service.
import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@concord/database';
import { LockService } from './lock-service.js';
import { lockServiceSettings, type LockServiceSettings, openLockService } from './open-lock-service.js';

/** Chooses the adapter behind LockService. */
@Module({})
export class LockingModule implements OnApplicationShutdown {
  constructor(@Inject(LockService) private readonly locks: LockService) {}

  /** A global LockService, under which commands run: where CONCORD_LOCKS says, unless told. Needs a global Database. */
  static forRoot(settings?: LockServiceSettings): DynamicModule {
    return {
      module: LockingModule,
      global: true,
      providers: [
        {
          provide: LockService,
          useFactory: (database: Database) => openLockService(database, settings ?? lockServiceSettings(process.env)),
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

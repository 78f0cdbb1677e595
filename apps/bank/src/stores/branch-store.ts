// The second store of the bank: a database of its own, with its events and their locks.
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { type Database, openDatabase, type OpenDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type LockService, openLockService } from '@concord/locking';
import type { BranchSettings } from './stores-settings.js';

// What serves the whole bank has more.
const CONNECTIONS = 8;

@Injectable()
export class BranchStore implements OnApplicationShutdown {
  private constructor(
    private readonly opened: OpenDatabase,
    readonly store: PostgresEventStore,
    readonly locks: LockService,
  ) {}

  /** Errors: what opening the database throws. */
  static async open(settings: BranchSettings): Promise<BranchStore> {
    const opened = await openDatabase({ ...settings, poolSize: CONNECTIONS });
    const { database } = opened;
    // Locks are where the events are, also where those of the bank's own store are on Redis.
    return new BranchStore(opened, new PostgresEventStore(database), openLockService(database, { locks: 'postgres' }));
  }

  get database(): Database {
    return this.opened.database;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.locks.close();
    await this.store.close();
    await this.opened.close();
  }
}

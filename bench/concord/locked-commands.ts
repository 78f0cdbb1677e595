// Commands that run under the lock service, and its locks alone, beside what PostgreSQL offers by itself.
import { Aggregates, CommandingOptions, CommandPipeline } from '@concord/commanding';
import type { Database } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { streamName } from '@concord/kernel';
import { PostgresLockService } from '@concord/locking';
import { depositInto, otherAccountOf } from '../account.js';
import { Account } from './account.aggregate.js';
import { DepositMoney } from './deposit-money.js';

const BARE = { name: 'bare lock', text: 'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as free' };

export class LockedCommands {
  private readonly locks: PostgresLockService;
  private readonly pipeline: CommandPipeline;
  private readonly aggregates = new Aggregates();

  constructor(
    private readonly database: Database,
    store: EventStore,
  ) {
    this.locks = new PostgresLockService(database);
    this.pipeline = new CommandPipeline(store, undefined, this.locks, new CommandingOptions({ mailboxes: false }));
  }

  async deposit(id: string): Promise<void> {
    const command = new DepositMoney(depositInto(id));
    await this.pipeline.run(command, async () => {
      const account = await this.aggregates.load(Account, id);
      account.deposit(command.order);
    });
  }

  /** Into two accounts. */
  async transfer(id: string): Promise<void> {
    const other = otherAccountOf(id);
    await this.pipeline.run(new DepositMoney(depositInto(id)), async () => {
      const [one, two] = await this.aggregates.loadAll(Account, [id, other]);
      one?.deposit(depositInto(id));
      two?.deposit(depositInto(other));
    });
  }

  async acquireAndRelease(id: string): Promise<void> {
    const owner = this.locks.begin();
    const { outcome } = await this.locks.acquire(owner, [{ stream: streamName('account', id), mode: 'X' }]);
    if (outcome !== 'granted') throw new Error('a lock that nobody else wants was refused');
    await this.locks.release(owner);
  }

  /** Acquired and, with the end of the statement, released. */
  async bareLock(id: string): Promise<void> {
    await this.database.queryOutside(BARE, [id]);
  }

  close(): Promise<void> {
    return this.locks.close();
  }
}

// A change of two stores at once: as one transaction of the coordinator, as two commits that know nothing of each other, and
// with the prepared transactions of PostgreSQL, written by hand.
import { PostgresParticipant, TransactionCoordinator } from '@concord/coordination';
import { openDatabase, type OpenDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, streamName } from '@concord/kernel';
import { PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { type Deposit, depositInto, otherAccountOf } from '../account.js';
import { Account } from '../concord/account.aggregate.js';
import { TENANT } from '../concord/tenant.js';
import { type Contender, LINES, present, type Settings } from '../contender.js';
import { PreparedByHand } from './prepared-by-hand.js';

/** One store, as an app has it. */
class Store {
  private constructor(
    readonly opened: OpenDatabase,
    readonly events: PostgresEventStore,
    private readonly locks: PostgresLockService,
    readonly participant: PostgresParticipant,
  ) {}

  static async open(name: string, url: string, poolSize: number): Promise<Store> {
    const opened = await openDatabase({ url, poolSize });
    const { database } = opened;
    const store = new PostgresEventStore(database);
    const locks = new PostgresLockService(database);
    return new Store(opened, store, locks, new PostgresParticipant({ name, database, store, locks }));
  }

  async append(data: Deposit): Promise<void> {
    const event = { id: newId(), type: 'Deposited', data };
    await this.events.append({
      stream: streamName('account', data.accountId),
      expected: 'no-stream',
      events: [event],
    });
  }

  async close(): Promise<void> {
    await this.locks.close();
    await this.events.close();
    await this.opened.close();
  }
}

export class TwoStoresContender implements Contender {
  private stores: readonly Store[] = [];
  private coordinator!: TransactionCoordinator;
  private byHand!: PreparedByHand;
  private readonly ways: Readonly<Record<string, (id: string) => Promise<void>>> = {
    [LINES.twoPhase.name]: (id) => this.asOne(id),
    [LINES.twoCommits.name]: (id) => this.oneAfterTheOther(id),
    [LINES.preparedByHand.name]: (id) => this.byHand.change(id),
  };

  async open({ url, feedUrl, poolSize }: Settings): Promise<void> {
    this.stores = [await Store.open('a', url, poolSize), await Store.open('b', feedUrl, poolSize)];
    const participants = this.stores.map(({ participant }) => participant);
    this.coordinator = new TransactionCoordinator({ database: this.first.opened.database, participants });
    await this.coordinator.start();
    this.byHand = await PreparedByHand.open([url, feedUrl], poolSize);
  }

  async close(): Promise<void> {
    await this.coordinator.stop();
    await this.byHand.close();
    await Promise.all(this.stores.map((store) => store.close()));
  }

  /** The accounts are new. */
  seed(): Promise<void> {
    return Promise.resolve();
  }

  command(line: string, id: string): Promise<void> {
    return runInTenant(TENANT, () => present(this.ways[line], line)(id));
  }

  async show(setting: string): Promise<string> {
    const text = 'select current_setting($1) as value';
    const [row] = await this.first.opened.database.query<{ value: string }>({ text }, [setting]);
    return row?.value ?? '';
  }

  async vacuum(): Promise<void> {
    await Promise.all(this.stores.map(({ opened }) => opened.database.query({ text: 'vacuum analyze' })));
  }

  private async asOne(id: string): Promise<void> {
    const other = otherAccountOf(id);
    const result = await this.coordinator.transaction(async (transaction) => {
      const one = await transaction.store('a').load(Account, id);
      const two = await transaction.store('b').load(Account, other);
      one.deposit(depositInto(id));
      two.deposit(depositInto(other));
    });
    if (result.outcome !== 'committed') throw new Error(`a new transaction was ${result.outcome}`);
  }

  private async oneAfterTheOther(id: string): Promise<void> {
    const deposits = [depositInto(id), depositInto(otherAccountOf(id))];
    for (const [index, deposit] of deposits.entries()) await present(this.stores[index], 'a store').append(deposit);
  }

  private get first(): Store {
    return present(this.stores[0], 'a store');
  }
}

// This store: its event store, its command pipeline with locks and an aggregate, its asynchronous projections.
import { Aggregates, CommandPipeline } from '@concord/commanding';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, streamName, type StreamName } from '@concord/kernel';
import { readingRows } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { depositInto } from '../account.js';
import { Account } from '../concord/account.aggregate.js';
import { type BusApp, openBus } from '../concord/bus.app.js';
import { DepositMoney } from '../concord/deposit-money.js';
import { LockedCommands } from '../concord/locked-commands.js';
import { BalanceRow } from '../concord/balance.row.js';
import { SEED_BALANCES } from '../concord/balances.js';
import { emptyBalances, projectionApp } from '../concord/projection.app.js';
import { consume, follow } from '../concord/catch-up.js';
import { type LiveSettings, measureLatency, measureWaking } from '../concord/live.js';
import { TENANT } from '../concord/tenant.js';
import {
  type CatchUp,
  type Contender,
  type Latency,
  LINES,
  type Measured,
  type ProjectionRun,
  type Seed,
  type Settings,
} from '../contender.js';

const SEED_BATCH = 200;

const streamOf = (id: string): StreamName => streamName('account', id);

export class ConcordContender implements Contender {
  private main!: OpenDatabase;
  private projection!: OpenDatabase;
  private feed!: OpenDatabase;
  private url = '';
  private appended = 0;
  private store!: PostgresEventStore;
  private pipeline!: CommandPipeline;
  private bus!: BusApp;
  private locked!: LockedCommands;
  private readonly underLocks: Readonly<Record<string, (id: string) => Promise<void>>> = {
    [LINES.concordLocked.name]: (id) => this.locked.deposit(id),
    [LINES.concordTransfer.name]: (id) => this.locked.transfer(id),
    [LINES.concordLock.name]: (id) => this.locked.acquireAndRelease(id),
    [LINES.bareLock.name]: (id) => this.locked.bareLock(id),
  };
  private readonly aggregates = new Aggregates();

  async open({ url, projectionUrl, feedUrl, poolSize }: Settings): Promise<void> {
    this.url = url;
    this.main = await openDatabase({ url, poolSize });
    this.projection = await openDatabase({ url: projectionUrl, poolSize, rows: [BalanceRow] });
    this.feed = await openDatabase({ url: feedUrl, poolSize });
    this.store = new PostgresEventStore(this.main.database);
    this.pipeline = new CommandPipeline(this.store);
    this.locked = new LockedCommands(this.main.database, this.store);
    this.bus = await openBus(this.main.database);
  }

  async close(): Promise<void> {
    await this.bus.close();
    await this.locked.close();
    await Promise.all([this.main.close(), this.projection.close(), this.feed.close()]);
  }

  async append(id: string): Promise<void> {
    const event = { id: newId(), type: 'Deposited', data: depositInto(id) };
    await runInTenant(TENANT, () =>
      this.store.append({ stream: streamOf(id), expected: 'no-stream', events: [event] }),
    );
    this.appended += 1;
  }

  async appendMany(id: string, count: number): Promise<void> {
    const events = Array.from({ length: count }, () => ({ id: newId(), type: 'Deposited', data: depositInto(id) }));
    await runInTenant(TENANT, () => this.store.append({ stream: streamOf(id), expected: 'no-stream', events }));
  }

  async command(line: string, id: string): Promise<void> {
    await runInTenant(TENANT, async () => {
      const underLocks = this.underLocks[line];
      if (underLocks) return underLocks(id);
      if (line === LINES.concordBus.name) return this.bus.execute(new DepositMoney(depositInto(id)));
      const command = new DepositMoney(depositInto(id), line === LINES.concordCommandId.name ? newId() : undefined);
      return this.pipeline.run(command, async () => {
        const account = await this.aggregates.load(Account, command.order.accountId);
        account.deposit(command.order);
      });
    });
  }

  async read(id: string): Promise<number> {
    return runInTenant(TENANT, async () => {
      let count = 0;
      for await (const event of this.store.readStream(streamOf(id))) if (event.data) count += 1;
      return count;
    });
  }

  seed(seeds: readonly Seed[]): Promise<void> {
    return fill(this.store, seeds);
  }

  seedProjection(seeds: readonly Seed[]): Promise<void> {
    return fill(new PostgresEventStore(this.projection.database), seeds);
  }

  async prepareProjection(line: string): Promise<ProjectionRun> {
    const { database } = this.projection;
    await emptyBalances(database);
    return projectionApp(database, TENANT, line === LINES.concordSql.name ? 'sql' : 'active-record');
  }

  async seedRecords(ids: readonly string[]): Promise<void> {
    const { database } = this.projection;
    await emptyBalances(database);
    await database.query({ text: SEED_BALANCES }, [TENANT, ids]);
  }

  /** As a request does it, which says whose it is and where rows are. */
  async record(id: string): Promise<void> {
    const { database } = this.projection;
    const row = await runInTenant(TENANT, () => readingRows(database, () => BalanceRow.find({ accountId: id })));
    if (row?.accountId !== id) throw new Error(`the row of ${id} is missing`);
  }

  seedFeed(seeds: readonly Seed[]): Promise<void> {
    return fill(new PostgresEventStore(this.feed.database), seeds);
  }

  prepareCatchUp(line: string, events: number): Promise<CatchUp> {
    const way = line === LINES.concordFollow.name ? follow : consume;
    return Promise.resolve(way(this.feed.database, events));
  }

  live(line: string, events: number): Promise<{ seconds: number; latency: Latency }> {
    return measureLatency(this.liveSettings, line === LINES.concordElsewhere.name, events);
  }

  waking(line: string, work: () => Promise<Measured>): Promise<Measured> {
    if (line === LINES.concordAlone.name) return work();
    const before = this.appended;
    const events = (): number => this.appended - before;
    return measureWaking(this.liveSettings, line === LINES.concordWaited.name ? 'wait' : 'work', { events, work });
  }

  private get liveSettings(): LiveSettings {
    return { store: this.store, database: this.main.database, url: this.url };
  }

  async show(setting: string): Promise<string> {
    const text = 'select current_setting($1) as value';
    const [row] = await this.main.database.query<{ value: string }>({ text }, [setting]);
    return row?.value ?? '';
  }

  async vacuum(): Promise<void> {
    await Promise.all(
      [this.main, this.projection, this.feed].map(({ database }) => database.query({ text: 'vacuum analyze' })),
    );
  }
}

async function fill(store: PostgresEventStore, seeds: readonly Seed[]): Promise<void> {
  await runInTenant(TENANT, async () => {
    for (let first = 0; first < seeds.length; first += SEED_BATCH) {
      const batch = seeds.slice(first, first + SEED_BATCH).filter(({ events }) => events > 0);
      if (batch.length === 0) continue;
      await store.append(
        ...batch.map(({ id, events }) => ({
          stream: streamOf(id),
          expected: 'any' as const,
          events: Array.from({ length: events }, () => ({ id: newId(), type: 'Deposited', data: depositInto(id) })),
        })),
      );
    }
  });
}

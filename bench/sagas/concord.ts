// This framework: a process manager whose every step is a command that adds an event to an aggregate.
import { Aggregates, CommandPipeline } from '@concord/commanding';
import { OnApplied, ProcessManager, ProcessRuntime, type ProcessStep, StartsOn } from '@concord/coordination';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { type DomainEvent, newId, type RecordedEvent, streamName } from '@concord/kernel';
import { PostgresConsumerGroups } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { depositInto } from '../account.js';
import { Account } from '../concord/account.aggregate.js';
import { DepositMoney } from '../concord/deposit-money.js';
import { TENANT } from '../concord/tenant.js';
import { AT_A_TIME, type SagaContender, STEPS } from './contender.js';

type ChainAsked = DomainEvent<'ChainAsked', { readonly id: string }>;
interface State {
  readonly done: number;
}

let ended: (id: string) => void = () => undefined;

@ProcessManager({ name: 'chain', commands: [DepositMoney], from: 0n })
class Chain {
  @StartsOn<ChainAsked>('ChainAsked', ({ data }) => data.id)
  begin(_: RecordedEvent<ChainAsked>, process: ProcessStep<State>): void {
    process.become({ done: 0 });
    process.send('step 1', new DepositMoney(depositInto(process.id)));
  }

  @OnApplied()
  next(_: object, process: ProcessStep<State>): void {
    const done = process.state.done + 1;
    process.become({ done });
    if (done < STEPS) process.send(`step ${done + 1}`, new DepositMoney(depositInto(process.id)));
    else process.complete();
  }
}

export class ConcordSagas implements SagaContender {
  private opened!: OpenDatabase;
  private store!: PostgresEventStore;
  private runtime!: ProcessRuntime;

  async open(url: string): Promise<void> {
    this.opened = await openDatabase({ url, poolSize: 20 });
    const { database } = this.opened;
    const store = new PostgresEventStore(database);
    this.store = store;
    const pipeline = new CommandPipeline(store);
    const aggregates = new Aggregates();
    const execute = (command: DepositMoney) =>
      pipeline.run(command, async () =>
        (await aggregates.load(Account, command.order.accountId)).deposit(command.order),
      );
    this.runtime = new ProcessRuntime(
      {
        store,
        database,
        groups: new PostgresConsumerGroups(store, database),
        commands: { execute: (command) => execute(command as DepositMoney) },
        report: ({ error }) => {
          throw error;
        },
      },
      [new Chain()],
      { concurrency: AT_A_TIME },
    );
    const append = store.append.bind(store);
    // An instance has ended when that is recorded: seen here, so that nobody has to ask again and again.
    store.append = async (...requests) => {
      const results = await append(...requests);
      for (const { events } of results) {
        for (const { data, stream } of events) {
          if ((data as { completes?: true }).completes) ended(stream.slice('process_chain-'.length));
        }
      }
      return results;
    };
    await this.runtime.start();
  }

  async run(chains: readonly string[]): Promise<void> {
    const left = new Set(chains);
    const all = new Promise<void>((resolve) => {
      ended = (id) => {
        left.delete(id);
        if (left.size === 0) resolve();
      };
    });
    await runInTenant(TENANT, () =>
      Promise.all(
        chains.map((id) =>
          this.store.append({
            stream: streamName('asked', id),
            expected: 'no-stream',
            events: [{ id: newId(), type: 'ChainAsked', data: { id } }],
          }),
        ),
      ),
    );
    await all;
  }

  async effects(): Promise<number> {
    const [row] = await this.opened.database.query<{ effects: bigint }>({
      text: `select count(*) as effects from concord.events where event_type = 'Deposited'`,
    });
    return Number(row?.effects);
  }

  async close(): Promise<void> {
    await this.runtime.stop();
    await this.store.close();
    await this.opened.close();
  }
}

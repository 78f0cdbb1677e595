// The stores and services of the bank's transactions: its own store, the branch, the partner. Without either of the last two
// there is no coordinator, and commands that need one are refused at their doors.
import { type DynamicModule, Global, Module, type Provider } from '@nestjs/common';
import { InlineProjections } from '@concord/commanding';
import {
  KurrentParticipant,
  type Participant,
  PostgresParticipant,
  RemoteParticipant,
  TransactionCoordinator,
  TransactionsModule,
} from '@concord/coordination';
import { Database } from '@concord/database';
import { EventStore, PostgresEventStore } from '@concord/event-store';
import { LockService } from '@concord/locking';
import { BRANCH, MAIN, PARTNER } from '../contracts/participants.js';
import { BranchStore } from './branch-store.js';
import type { StoresSettings } from './stores-settings.js';

/** What the coordinator is made of, as Nest has it. */
class MainParts {
  constructor(
    readonly store: EventStore,
    readonly database: Database,
    readonly locks: LockService,
    readonly inline: InlineProjections,
  ) {}
}

@Global()
@Module({})
export class StoresModule {
  static forRoot({ branch, partner }: StoresSettings): DynamicModule {
    const providers: Provider[] = [
      {
        provide: MainParts,
        useFactory: (...parts: ConstructorParameters<typeof MainParts>) => new MainParts(...parts),
        inject: [EventStore, Database, LockService, InlineProjections],
      },
      ...(branch ? [{ provide: BranchStore, useFactory: () => BranchStore.open(branch) }] : []),
    ];
    const transactions = TransactionsModule.forRoot({
      useFactory: (main: MainParts, store?: BranchStore) =>
        new TransactionCoordinator({
          name: 'bank',
          database: main.database,
          participants: [
            mainParticipant(main),
            ...(store ? [new PostgresParticipant({ ...partsOf(store), name: BRANCH })] : []),
            ...(partner ? [new RemoteParticipant({ ...partner, name: PARTNER })] : []),
          ],
        }),
      inject: [MainParts, ...(branch ? [BranchStore] : [])],
    });
    const isNeeded = branch !== undefined || partner !== undefined;
    return {
      module: StoresModule,
      imports: isNeeded ? [transactions] : [],
      providers,
      exports: [MainParts, ...(branch ? [BranchStore] : [])],
    };
  }
}

function mainParticipant({ store, inline, ...parts }: MainParts): Participant<never> {
  const common = { ...parts, name: MAIN, store };
  return store instanceof PostgresEventStore
    ? new PostgresParticipant({ ...common, inline })
    : new KurrentParticipant(common);
}

function partsOf({ database, store, locks }: BranchStore): Pick<BranchStore, 'database' | 'store' | 'locks'> {
  return { database, store, locks };
}

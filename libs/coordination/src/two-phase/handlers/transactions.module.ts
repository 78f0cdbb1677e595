// Nest wiring of the coordinator, and of handlers with @Transactional.
import {
  type DynamicModule,
  type InjectionToken,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { DistributedTransactions } from '@concord/commanding';
import { TransactionCoordinator } from '../transaction-coordinator.js';
import { TransactionalCommands } from './transactional-commands.js';
import { TransactionalWork } from './transactional-work.js';

/** How the coordinator is made, from what is injected: its participants are stores and services of the app. */
export interface TransactionsModuleOptions {
  readonly useFactory: (...injected: never[]) => TransactionCoordinator | Promise<TransactionCoordinator>;
  readonly inject?: readonly InjectionToken[];
}

/** A global TransactionCoordinator, which recovers from the app's start to its end. */
@Module({})
export class TransactionsModule implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly coordinator: TransactionCoordinator) {}

  /** Once, in the app's root module. */
  static forRoot({ useFactory, inject = [] }: TransactionsModuleOptions): DynamicModule {
    return {
      module: TransactionsModule,
      global: true,
      imports: [DiscoveryModule],
      providers: [
        { provide: TransactionCoordinator, useFactory, inject: [...inject] },
        { provide: DistributedTransactions, useClass: TransactionalCommands },
        TransactionalWork,
      ],
      exports: [TransactionCoordinator, DistributedTransactions, TransactionalWork],
    };
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.coordinator.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.coordinator.stop();
  }
}

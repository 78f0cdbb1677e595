// The Nest application whose CommandBus runs the command.
import { CommandingModule } from '@concord/commanding';
import { Database } from '@concord/database';
import { EventStoreModule } from '@concord/event-store';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus } from '@nestjs/cqrs';
import { DepositMoney, DepositMoneyHandler } from './deposit-money.js';

export interface BusApp {
  execute(command: DepositMoney): Promise<unknown>;
  close(): Promise<void>;
}

/** A global Database that was opened already. */
export function databaseModule(database: Database): DynamicModule {
  return {
    module: GivenDatabaseModule,
    global: true,
    providers: [{ provide: Database, useValue: database }],
    exports: [Database],
  };
}

@Module({})
class GivenDatabaseModule {}

@Module({})
class BusModule {}

export async function openBus(database: Database): Promise<BusApp> {
  const app = await NestFactory.createApplicationContext(
    {
      module: BusModule,
      imports: [
        databaseModule(database),
        EventStoreModule.forRoot(),
        CommandingModule.forRoot(),
        CommandingModule.forContext([DepositMoney]),
      ],
      providers: [DepositMoneyHandler],
    },
    { logger: ['error', 'warn'] },
  );
  const bus = app.get(CommandBus);
  return { execute: (command) => bus.execute(command), close: () => app.close() };
}

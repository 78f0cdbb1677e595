// The partner bank: a store of its own, its clients, and its part in other banks' transactions.
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { CommandingModule } from '@concord/commanding';
import { PostgresParticipant, ServiceParticipant, TwoPhaseModule } from '@concord/coordination';
import { Database, DatabaseModule } from '@concord/database';
import { EventStore, EventStoreModule } from '@concord/event-store';
import { LockingModule, LockService } from '@concord/locking';
import { Clients, credit, OpenClientAccount, OpenClientAccountHandler } from './clients.js';
import { ClientsController, Problems } from './clients.controller.js';
import type { PartnerSettings } from './settings.js';

/** The name by which banks know it. */
const NAME = 'partner';

@Global()
@Module({
  providers: [
    {
      provide: ServiceParticipant,
      useFactory: (database: Database, store: EventStore, locks: LockService) =>
        new ServiceParticipant(new PostgresParticipant({ name: NAME, database, store, locks }), credit),
      inject: [Database, EventStore, LockService],
    },
  ],
  exports: [ServiceParticipant],
})
class ParticipantModule {}

@Module({})
export class PartnerModule {
  static forRoot({ database, secret, bankUrl }: PartnerSettings): DynamicModule {
    return {
      module: PartnerModule,
      imports: [
        DatabaseModule.forRoot({ ...database, poolSize: 8 }),
        EventStoreModule.forRoot({}, ''),
        LockingModule.forRoot({ locks: 'postgres' }),
        CommandingModule.forRoot(),
        CommandingModule.forContext([OpenClientAccount]),
        ParticipantModule,
        TwoPhaseModule.forService({ secrets: [secret], coordinators: { bank: { url: bankUrl, secret } } }),
      ],
      controllers: [ClientsController],
      providers: [Clients, OpenClientAccountHandler, { provide: APP_FILTER, useClass: Problems }],
    };
  }
}

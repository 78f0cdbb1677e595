// Runs commands of handlers with @Transactional by the coordinator.
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { commandEventId, DistributedTransactions, type RunDistributed } from '@concord/commanding';
import { derivedId, isId } from '@concord/kernel';
import { TransactionCoordinator } from '../transaction-coordinator.js';
import { transactionalOptionsOf } from './transactional.js';
import { runInTransaction } from './transactional-work.js';

@Injectable()
export class TransactionalCommands extends DistributedTransactions implements OnModuleInit {
  constructor(
    private readonly coordinator: TransactionCoordinator,
    private readonly discovery: DiscoveryService,
  ) {
    super();
  }

  /** Errors: a handler that names a participant nobody knows. */
  onModuleInit(): void {
    for (const { metatype, name } of this.discovery.getProviders()) {
      const options = typeof metatype === 'function' ? transactionalOptionsOf(metatype) : undefined;
      for (const participant of options?.participants ?? []) {
        if (this.coordinator.knows(participant)) continue;
        throw new Error(
          `${String(name)} names the participant "${participant}": give it to the TransactionCoordinator`,
        );
      }
    }
  }

  override commandOf(handler: object): RunDistributed | undefined {
    const options = transactionalOptionsOf(handler.constructor);
    if (!options) return undefined;
    const { participants, patienceMs } = options;
    return async (commandId, handle) => {
      const result = await this.coordinator.transaction(
        (transaction) => runInTransaction({ transaction, participants }, handle),
        {
          id: isId(commandId) ? commandId : derivedId('command', commandId),
          // Of each store they are as if the command were about that one alone.
          eventId: (participant, index) => commandEventId(`${commandId} ${participant}`, index),
          ...(patienceMs !== undefined && { patienceMs }),
        },
      );
      if (result.outcome === 'repeated') return { streams: [], position: undefined, value: undefined, repeated: true };
      const streams = result.streams.map(({ stream, revision }) => ({ stream, revision }));
      return { streams, position: undefined, value: result.value, repeated: false };
    };
  }
}

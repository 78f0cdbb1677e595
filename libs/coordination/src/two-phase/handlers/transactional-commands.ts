// Runs commands of handlers with @Transactional by the coordinator.
import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import {
  COMMAND_FINGERPRINT,
  commandEventId,
  CommandIdReused,
  type CommandOutcome,
  DistributedTransactions,
  type RunDistributed,
} from '@concord/commanding';
import { EventStore } from '@concord/event-store';
import { derivedId, isId, type RecordedEvent } from '@concord/kernel';
import type { DistributedTransaction } from '../distributed-transaction.js';
import { TransactionCoordinator } from '../transaction-coordinator.js';
import { type TransactionalOptions, transactionalOptionsOf } from './transactional.js';
import { runInTransaction } from './transactional-work.js';

type Sent = Parameters<RunDistributed>[0];
type Found = { readonly participant: string; readonly event: RecordedEvent };

// Of a command's events in one store: enough to see that it was applied, and by which fingerprint.
const LOOKED_FOR = 64;

@Injectable()
export class TransactionalCommands extends DistributedTransactions implements OnModuleInit {
  constructor(
    private readonly coordinator: TransactionCoordinator,
    private readonly discovery: DiscoveryService,
    /** The app's: positions are of that one. */
    @Optional() @Inject(EventStore) private readonly store?: EventStore,
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
    return options && ((sent, handle) => this.run(options, sent, handle));
  }

  private async run<Value>(
    { participants, patienceMs }: TransactionalOptions,
    sent: Sent,
    handle: () => Promise<Value>,
  ): Promise<CommandOutcome<Value>> {
    const { id, fingerprint } = sent;
    let last: DistributedTransaction | undefined;
    const work = (transaction: DistributedTransaction): Promise<Value> => {
      last = transaction;
      return runInTransaction({ transaction, participants }, handle);
    };
    const result = await this.coordinator
      .transaction(work, {
        id: isId(id) ? id : derivedId('command', id),
        // Of each store they are as if the command were about that one alone.
        eventId: (participant, index) => commandEventId(`${id} ${participant}`, index),
        ...(fingerprint !== undefined && { metadata: { [COMMAND_FINGERPRINT]: fingerprint } }),
        ...(patienceMs !== undefined && { patienceMs }),
      })
      .catch(async (error: unknown) => {
        // A repeat may meet a rule that its first run has brought about: that it was applied before is the answer.
        const before = sent.isNamed && last ? await this.appliedBefore(sent, last, error) : undefined;
        if (before) return before;
        throw error;
      });
    if (!('outcome' in result)) return result;
    if (result.outcome === 'repeated') return (last && (await this.appliedBefore(sent, last))) ?? REPEATED;
    const { streams, value } = result;
    return { ...this.changed(streams), value, repeated: false };
  }

  /** What it changed, as far as it has loaded that from stores of this process. Errors: CommandIdReused; `failure`, where it cannot be seen. */
  private async appliedBefore(
    sent: Sent,
    { loaded }: DistributedTransaction,
    failure?: unknown,
  ): Promise<CommandOutcome<never> | undefined> {
    const looking = loaded.map(async ({ participant, streams }): Promise<Found[]> => {
      const ids = Array.from({ length: LOOKED_FOR }, (_, n) => commandEventId(`${sent.id} ${participant.name}`, n));
      const events = await participant.findEvents(ids, streams);
      const inOrder = events.toSorted((a, b) => Number(a.globalPosition - b.globalPosition));
      return inOrder.map((event) => ({ participant: participant.name, event }));
    });
    const found = await Promise.all(looking).then(
      (all) => all.flat(),
      (error: unknown) => {
        throw failure ?? error;
      },
    );
    const [first] = found;
    if (!first) return undefined;
    const known = first.event.metadata[COMMAND_FINGERPRINT];
    if (sent.fingerprint !== undefined && known !== undefined && known !== sent.fingerprint) {
      throw new CommandIdReused(sent.id);
    }
    const streams = found.map(
      ({ participant, event: { stream, streamPosition: revision, globalPosition: position } }) => {
        return { participant, stream, revision, position };
      },
    );
    const last = new Map(streams.map((one) => [`${one.participant} ${one.stream}`, one]));
    return { ...this.changed([...last.values()]), value: undefined, repeated: true };
  }

  /** The position is that of the last event in the app's own store. */
  private changed(
    changed: readonly Pick<Changed, 'participant' | 'stream' | 'revision' | 'position'>[],
  ): Pick<CommandOutcome, 'streams' | 'position'> {
    const { store } = this;
    const own = changed.flatMap(({ participant, position }) =>
      store && position !== undefined && this.coordinator.isOf(participant, store) ? [position] : [],
    );
    const position = own.reduce<bigint | undefined>(
      (most, one) => (most === undefined || one > most ? one : most),
      undefined,
    );
    return { streams: changed.map(({ stream, revision }) => ({ stream, revision })), position };
  }
}

type Changed = ReturnType<DistributedTransaction['changed']>[number];

const REPEATED = { streams: [], position: undefined, value: undefined, repeated: true } as const;

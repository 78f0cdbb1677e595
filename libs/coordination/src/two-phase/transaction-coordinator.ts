// The coordinator: runs transactions over several participants, and sees to it that each comes to its end, also those of
// processes that are gone. Any number of processes may be coordinators of one name, on one log.
import { Logger } from '@nestjs/common';
import { type Database, OwnershipLost, TransientConflict } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import { InvalidArgument, isId, newId, WrongExpectedVersion } from '@concord/kernel';
import { LeaseLost, OwnerWounded } from '@concord/locking';
import { observe } from '@concord/telemetry';
import { currentTenant } from '@concord/tenancy';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommitProtocol, type Committed } from './commit-protocol.js';
import { DecisionLog } from './decision-log.js';
import { Delivery } from './delivery.js';
import { DistributedTransaction, eventIdsOf } from './distributed-transaction.js';
import { TransactionAborted } from './errors.js';
import { InDoubt, type ResolveOptions } from './in-doubt.js';
import type { Participant, TransactionOutcome, TransactionRef } from './participant.js';
import { askForOutcomes, carryOutForced, Rounds, type RecoverySettings, settleLog } from './recovery.js';
import { StoreParticipant } from './store-participant.js';
import type { ChangedInStore } from './store-session.js';
import { told } from './telemetry.js';
import { transactionLines } from './transaction-lines.js';
import type { UnsettledTransaction } from './unsettled.js';

/** What a coordinator works with. */
export interface CoordinatorOptions extends Partial<RecoverySettings> {
  /** The same in every process, and for ever: participants remember whom to ask. `concord` by default. */
  readonly name?: string;
  /** Where decisions are kept. It may be the database of a participant. */
  readonly database: Database;
  readonly participants: readonly Participant<never>[];
  /** How long a participant may take to vote, 10 seconds by default. */
  readonly patienceMs?: number;
}

/** One transaction. */
export interface TransactionOptions {
  /** Of the caller's, a UUID: a transaction with this id takes effect at most once, however often it is run. */
  readonly id?: string;
  /** Instead of the coordinator's. */
  readonly patienceMs?: number;
  /** Event ids of the caller's own, instead of those that follow from `id`: the same at every attempt and repeat. */
  readonly eventId?: (participant: string, index: number) => string;
  /** In the metadata of each event. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** How it ended well. */
export type TransactionResult<T> =
  | {
      readonly outcome: 'committed';
      readonly id: string;
      readonly value: T;
      /** What was changed in stores of this coordinator. */
      readonly streams: readonly ChangedInStore[];
      /** Who is yet to be told, because it cannot be reached: it holds its locks until then. */
      readonly waiting: readonly string[];
    }
  /** It had been committed before; the work ran in vain. */
  | { readonly outcome: 'repeated'; readonly id: string };

interface Attempt<T> {
  readonly value: T;
  readonly ref: TransactionRef;
  readonly committed: Committed;
  readonly streams: readonly ChangedInStore[];
}

const PASSING = [OwnerWounded, LeaseLost, OwnershipLost, WrongExpectedVersion, TransientConflict];
const MOST_ATTEMPTS = 12;
const FIRST_BACKOFF_MS = 5;
const MOST_BACKOFF_MS = 500;
const RETRY_WITHIN_MS = 30_000;
const KEEP_SETTLED_MS = 7 * 24 * 3_600_000;
const FORGET_EVERY_MS = 60_000;

/** Runs distributed transactions, and recovers those that others have left. */
export class TransactionCoordinator {
  readonly name: string;
  private readonly participants: ReadonlyMap<string, Participant>;
  private readonly log: DecisionLog;
  private readonly delivery: Delivery;
  private readonly protocol: CommitProtocol;
  private readonly rounds: Rounds;
  private readonly inDoubt: InDoubt;
  private readonly settings: RecoverySettings & { readonly patienceMs: number };
  private readonly logger = new Logger('Transactions');
  private forgotAt = 0;
  private unobserved: () => void = () => undefined;

  /** Errors: InvalidArgument, for two participants of one name, or two stores with their locks in one database. */
  constructor({ name = 'concord', database, participants, ...settings }: CoordinatorOptions) {
    this.name = name;
    this.settings = { everyMs: 1000, graceMs: 1000, askAfterMs: 15_000, patienceMs: 10_000, ...settings };
    this.participants = byName(participants);
    this.log = new DecisionLog(database);
    this.delivery = new Delivery(this.log, this.participants, this.settings.patienceMs);
    this.protocol = new CommitProtocol(this.log, this.delivery);
    this.inDoubt = new InDoubt(name, { database, log: this.log, participants: this.participants });
    this.rounds = new Rounds(this.settings.everyMs, () => this.recover());
  }

  /** Recovers what is there, and goes on doing so until stop(). Never rejects: what fails is tried again. */
  async start(): Promise<void> {
    this.unobserved();
    this.unobserved = observe('concord.transaction.in_doubt', async (result) => {
      result.observe((await this.transactions({ olderThanMs: this.settings.askAfterMs })).length);
    });
    await this.rounds.start();
  }

  async stop(): Promise<void> {
    this.unobserved();
    await this.rounds.stop();
  }

  /**
   * Runs `work`, then commits what it did in all participants, or nothing of it. `work` runs again after a conflict, with
   * the age of its first attempt, so it is to do nothing but load, decide and enlist. Errors: what `work` throws, then
   * nothing was changed; TransactionAborted; LockWaitTimeout; TransactionInDoubt; TenantMissing.
   */
  async transaction<T>(
    work: (transaction: DistributedTransaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<TransactionResult<T>> {
    const began = Date.now();
    const id = options.id ?? newId();
    if (!isId(id)) throw new InvalidArgument(`"${id}" is no UUID: make one of it with derivedId()`);
    const age = { started: BigInt(began) * 1000n, origin: id };
    return told.lasting(async () => {
      for (let attempt = 1; ; attempt += 1) {
        const last = attempt === MOST_ATTEMPTS || Date.now() - began > RETRY_WITHIN_MS;
        const result = await this.attempt(id, age, work, options).catch((error: unknown) => {
          if (last || !PASSING.some((kind) => error instanceof kind)) throw error;
          return undefined;
        });
        const ended = result && endOf(result, id, last);
        if (ended) return ended;
        await sleep(Math.min(FIRST_BACKOFF_MS * 2 ** attempt, MOST_BACKOFF_MS) * Math.random());
      }
    });
  }

  /** Whether there is a participant of that name. */
  knows(participant: string): boolean {
    return this.participants.has(participant);
  }

  /** Whether the participant of that name is about this very store. */
  isOf(participant: string, store: EventStore): boolean {
    const found = this.participants.get(participant);
    return found instanceof StoreParticipant && found.isOf(store);
  }

  /** What was decided. `aborted` is said also of what was never begun here, or is long over. Errors: DatabaseUnavailable. */
  outcome(id: string): Promise<TransactionOutcome> {
    return this.log.outcome(id);
  }

  /** Those that have not come to their end, the oldest first: with their participants, and the locks that they hold. */
  transactions(options?: { readonly olderThanMs?: number }): Promise<UnsettledTransaction[]> {
    return this.inDoubt.list(options);
  }

  /** The same, as lines for a terminal. */
  async describe(options?: { readonly olderThanMs?: number }): Promise<string[]> {
    return transactionLines(await this.transactions(options));
  }

  /**
   * An operator's decision, recorded and told as an alarm: aborts what is not decided yet; or settles, at one participant,
   * what it has prepared and whose coordinator will not answer any more. Errors: ResolutionRefused, where the outcome is known
   * to be another.
   */
  resolve(id: string, options: ResolveOptions): Promise<void> {
    return this.inDoubt.resolve(id, options);
  }

  private async attempt<T>(
    base: string,
    age: TransactionRef['age'],
    work: (transaction: DistributedTransaction) => Promise<T>,
    { patienceMs = this.settings.patienceMs, eventId = eventIdsOf(base), metadata = {} }: TransactionOptions,
  ): Promise<Attempt<T>> {
    const ref = { id: newId(), tenant: currentTenant(), coordinator: this.name, age, patienceMs };
    const transaction = new DistributedTransaction(ref, this.participants, eventId, metadata);
    try {
      const value = await work(transaction);
      const branches = transaction.branches();
      const committed = await this.protocol.run(ref, branches);
      return { value, ref, committed, streams: transaction.changed(branches) };
    } finally {
      transaction.release();
    }
  }

  private async recover(): Promise<void> {
    await settleLog(this.log, this.delivery, this.settings.graceMs);
    const ask = async (coordinator: string, id: string): Promise<TransactionOutcome | undefined> =>
      coordinator === this.name ? this.log.outcome(id) : undefined;
    const isTime = Date.now() - this.forgotAt > FORGET_EVERY_MS;
    await this.inDoubt.alarm();
    for (const participant of this.participants.values()) {
      await carryOutForced(participant, ask);
      await askForOutcomes(participant, this.settings.askAfterMs, ask, ({ id }, error) =>
        this.logger.warn(`"${participant.name}" is in doubt about transaction ${id}: ${String(error)}`),
      );
      if (isTime && participant instanceof StoreParticipant) await participant.forgetSettled(KEEP_SETTLED_MS);
    }
    if (isTime) this.forgotAt = Date.now();
  }
}

/** Undefined: once more. Errors: TransactionAborted. */
function endOf<T>(
  { value, ref, committed, streams }: Attempt<T>,
  base: string,
  isLast: boolean,
): TransactionResult<T> | undefined {
  if (committed.outcome === 'committed') {
    return { outcome: 'committed', id: ref.id, value, streams, waiting: committed.waiting };
  }
  const { participant, reason } = committed;
  if (reason.kind === 'repeated') return { outcome: 'repeated', id: base };
  if (!isLast && (reason.kind === 'conflict' || reason.kind === 'settled')) return undefined;
  throw new TransactionAborted(ref.id, participant, reason);
}

function byName(participants: readonly Participant[]): ReadonlyMap<string, Participant> {
  const named = new Map(participants.map((participant) => [participant.name, participant]));
  if (named.size < participants.length) {
    throw new InvalidArgument('two participants have the same name: by it transactions are told to them');
  }
  // Streams of one name in two stores would be one lock, and one participant's commit would release the other's.
  const databases = participants.flatMap((one) => (one instanceof StoreParticipant ? [one.database] : []));
  if (new Set(databases).size < databases.length) {
    throw new InvalidArgument('two stores keep their locks in the same database: give each a database of its own');
  }
  return named;
}

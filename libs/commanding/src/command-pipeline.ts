// The one way a command runs, in numbered steps. Where it can (one stream, no inline projections, no use of the database) it
// runs without a lock: see unlocked-commands.ts. Else it runs under the lock service: see locked-commands.ts; and so it does
// from the third attempt on. Without a lock service, and for one stream while nothing else is under way, everything from 3 to
// 6 is one transaction, under the store's locks. What is sent within a transaction is part of that one.
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { TransactionNeeded } from '@concord/database';
import { type AppendResult, EventStore } from '@concord/event-store';
import { ConcordError, currentMessage, InvalidArgument, newId, runInMessage, type StreamName } from '@concord/kernel';
import { LockService } from '@concord/locking';
import { currentTenant } from '@concord/tenancy';
import { appliedBefore } from './applied-before.js';
import { Attempts, mayHaveBeenApplied, toldAs } from './attempts.js';
import { CommandIdReused } from './command-id-reused.js';
import { CommandLocks } from './command-locks.js';
import { DistributedTransactions } from './distributed-transactions.js';
import type { CommandOutcome, DomainCommand } from './domain-command.js';
import { CommandingOptions } from './commanding-options.js';
import type { Executed } from './executed.js';
import { InlineProjections } from './inline-projections.js';
import { type HandlerDeclarations, UNDECLARED } from './isolation.js';
import { type Appending, LockedCommands } from './locked-commands.js';
import { LockedStreams } from './locked-streams.js';
import { rehearsed } from './rehearsal.js';
import type { SentCommand } from './sent-command.js';
import { told } from './telemetry.js';
import { UnitOfWork } from './unit-of-work.js';
import { UnlockedCommands } from './unlocked-commands.js';

/** All that the command would add is there already: its transaction is rolled back, and the first outcome is the answer. */
class Repeated extends ConcordError {
  readonly code = 'repeated';
}

// One more after a conflict: were it under locks, those in the mailbox would conflict with it in their turn, and so on.
const UNLOCKED_ATTEMPTS = 2;
const MAX_COMMAND_ID_LENGTH = 200;

/** A command to run. */
interface Sent<Value> {
  readonly command: DomainCommand<unknown, Value>;
  readonly sent: SentCommand;
  readonly handle: () => Promise<Value>;
  readonly declared: HandlerDeclarations;
}

/** Runs handlers as commands: tenant, at most once, unit of work, retry. */
@Injectable()
export class CommandPipeline {
  private readonly unlocked: UnlockedCommands | undefined;
  private readonly locked: LockedCommands | undefined;

  /** Commands of several stores and services, where there are any. */
  @Optional()
  @Inject(DistributedTransactions)
  private readonly distributed?: DistributedTransactions;

  constructor(
    @Inject(EventStore) private readonly store: EventStore,
    @Optional() @Inject(InlineProjections) private readonly inline?: InlineProjections,
    @Optional() @Inject(LockService) private readonly locks?: LockService,
    @Optional() private readonly options: CommandingOptions = new CommandingOptions(),
  ) {
    const { unlocked, fenced } = store;
    this.unlocked = unlocked && new UnlockedCommands(store, unlocked);
    this.locked = locks && unlocked && fenced && new LockedCommands(store, unlocked, fenced);
  }

  /**
   * Runs a handler as a command. Errors: what the handler throws, those of EventStore.append, TenantMissing, and those of the
   * lock service: LockWaitTimeout names the holder; OwnerWounded, when older commands came again and again. In an outage
   * DatabaseUnavailable, or CommitUnknown and DecidedOnStaleState, after which it may have been applied.
   */
  async run<Value>(
    command: DomainCommand<unknown, Value>,
    handle: () => Promise<Value>,
    declared: HandlerDeclarations = UNDECLARED,
  ): Promise<CommandOutcome<Value>> {
    if (UnitOfWork.current) throw new Error('a command handler does not send commands: load the aggregates it needs');
    // 1. Whose data it is.
    currentTenant();
    // 2. What it is called and belongs to.
    const commandId = checkCommandId(command.commandId) ?? newId();
    const correlationId = currentMessage()?.correlationId ?? commandId;
    const sent = { id: commandId, fingerprint: command.fingerprint, touched: new Set<StreamName>(), attempts: 0 };
    const again = await rehearsed(() => new UnitOfWork(new LockedStreams(this.store), sent, declared), handle);
    if (again) return again;
    const ofSeveral = this.distributed?.commandOf(declared.handler ?? handle);
    const attempt = () =>
      told(
        command,
        sent,
        () =>
          ofSeveral?.({ ...sent, isNamed: command.commandId !== undefined }, handle) ??
          this.attempt({ command, sent, handle, declared }),
      );
    return runInMessage({ correlationId, causationId: commandId }, () => this.unlocked?.counted(attempt) ?? attempt());
  }

  private attempt<Value>(one: Sent<Value>): Promise<CommandOutcome<Value>> {
    return this.store.isInTransaction ? this.join(one) : this.runAlone(one);
  }

  /** In a transaction that somebody else began, and may begin again: what fails in it, fails it as a whole. */
  private async join<Value>(one: Sent<Value>): Promise<CommandOutcome<Value>> {
    const look = one.command.commandId !== undefined;
    // A repeat has to be known beforehand: what it writes besides could not be taken back alone.
    const before = look ? await this.appliedBefore<Value>(one.sent) : undefined;
    if (before) return before;
    const record = (unitOfWork: UnitOfWork): Promise<Appending> => this.record(unitOfWork);
    return this.answer(one.sent, await this.execute(new LockedStreams(this.store), one, record), look);
  }

  private async runAlone<Value>(one: Sent<Value>): Promise<CommandOutcome<Value>> {
    const { command, sent } = one;
    const attempts = new Attempts();
    const locks = this.locks && new CommandLocks(this.locks, this.options.lockWaitMs);
    for (let attempt = 1, look = command.commandId !== undefined; ; attempt += 1) {
      sent.attempts = attempt;
      try {
        const unlocked = attempt <= UNLOCKED_ATTEMPTS ? await this.withoutLocks(one) : undefined;
        return await this.answer(sent, unlocked ?? (await this.underLocks(one, attempts, locks)), look);
      } catch (error) {
        // 7. At most once: was it applied before, or by a twin while this one waited, or was its own answer lost?
        look ||= mayHaveBeenApplied(error);
        const applied = look ? await this.lookAfter<Value>(sent, error) : undefined;
        if (applied) return applied;
        attempts.failed(error);
      }
      await sleep(attempts.pauseMs);
    }
  }

  /** What a command that has committed answers: one that added nothing may be a repeat. */
  private async answer<Value>(
    sent: SentCommand,
    { value, appended }: Executed<Value>,
    look: boolean,
  ): Promise<CommandOutcome<Value>> {
    const results = await appended;
    const added = results.flatMap(({ events }) => events);
    if (added.length > 0) await this.inline?.follow(added);
    const before = added.length > 0 || !look ? undefined : await this.appliedBefore<Value>(sent);
    return before ?? { value, ...outcomeOf(results) };
  }

  private async withoutLocks<Value>({ command, sent, handle }: Sent<Value>): Promise<Executed<Value> | undefined> {
    if (this.inline?.isActive || this.isAlwaysLocked) return undefined;
    return this.unlocked?.execute(command.constructor, sent, handle);
  }

  private async underLocks<Value>(
    one: Sent<Value>,
    attempts: Attempts,
    locks?: CommandLocks,
  ): Promise<Executed<Value>> {
    const { locked } = this;
    if (!locked || !locks) return this.inTransaction(one);
    return (await this.whileAlone(one, attempts)) ?? this.underService(one, attempts, { locked, locks });
  }

  private async underService<Value>(
    { command, sent, declared, handle }: Sent<Value>,
    { hadConflicts }: Attempts,
    { locked, locks }: { readonly locked: LockedCommands; readonly locks: CommandLocks },
  ): Promise<Executed<Value>> {
    const record = (unitOfWork: UnitOfWork): Promise<Appending> => this.recordOnce(command, unitOfWork);
    const attempt = {
      commandClass: command.constructor,
      sent,
      locks,
      declared,
      holdsFast: hadConflicts,
      handle,
      commitsAlone: !this.inline?.isActive,
      record,
    };
    const { executed, kept } = await locked.execute(attempt);
    if (!this.inline?.isActive && !this.isAlwaysLocked)
      this.unlocked?.committed(command.constructor, await executed.appended, kept);
    return executed;
  }

  private get isAlwaysLocked(): boolean {
    return this.locked !== undefined && !this.options.mailboxes;
  }

  /** One stream, and nothing else is under way: its own lock costs no round trip of its own. */
  private async whileAlone<Value>(one: Sent<Value>, { hadConflicts }: Attempts): Promise<Executed<Value> | undefined> {
    const commandClass = one.command.constructor;
    if (
      !this.unlocked ||
      this.isAlwaysLocked ||
      hadConflicts ||
      this.inline?.isActive ||
      this.unlocked.needsLocks(commandClass)
    )
      return undefined;
    try {
      return await this.inTransaction(one, true);
    } catch (error) {
      if (!(error instanceof TransactionNeeded)) throw error;
      this.unlocked.neededLocks(commandClass);
      return undefined;
    }
  }

  private async inTransaction<Value>(one: Sent<Value>, isForOne = false): Promise<Executed<Value>> {
    const streams = new LockedStreams(this.store, undefined, isForOne);
    const record = (unitOfWork: UnitOfWork): Promise<Appending> => this.recordOnce(one.command, unitOfWork);
    const executed = await this.store.transaction(() => this.execute(streams, one, record));
    const results = await executed.appended;
    const kept = streams.committed(results);
    if (!this.inline?.isActive) this.unlocked?.committed(one.command.constructor, results, kept);
    return executed;
  }

  private appliedBefore<Value>(sent: SentCommand): Promise<CommandOutcome<Value> | undefined> {
    return appliedBefore<Value>(this.store, sent);
  }

  /** Whether a failed command was applied all the same. When that cannot be seen, the failure is the answer. */
  private async lookAfter<Value>(sent: SentCommand, failure: unknown): Promise<CommandOutcome<Value> | undefined> {
    try {
      return await this.appliedBefore<Value>(sent);
    } catch (error) {
      throw error instanceof CommandIdReused ? error : toldAs(failure);
    }
  }

  private async execute<Value>(
    streams: LockedStreams,
    one: Sent<Value>,
    record: (unitOfWork: UnitOfWork) => Promise<Appending>,
  ): Promise<Executed<Value>> {
    // 3. The handler loads under locks and decides.
    const unitOfWork = new UnitOfWork(streams, one.sent, one.declared);
    const value = await unitOfWork.run(one.handle);
    streams.assertOne();
    if (!unitOfWork.hasDecided) return { value, appended: Promise.resolve([]) };
    return { value, ...(await record(unitOfWork)) };
  }

  private async recordOnce(command: DomainCommand<unknown, unknown>, unitOfWork: UnitOfWork): Promise<Appending> {
    const appending = await this.record(unitOfWork);
    // What a handler wrote besides goes with a repeat; only one with an id of the caller's can be one.
    if (command.commandId !== undefined) refuseRepeat(await appending.appended);
    return appending;
  }

  private async record(unitOfWork: UnitOfWork): Promise<Appending> {
    // 4. Everything decided is appended at once. Nobody waits for it yet: it is sent together with the commit.
    const prepared = this.inline?.isActive ? this.inline.prepare(unitOfWork.changedStreams) : undefined;
    const appended = unitOfWork.append();
    appended.catch(() => undefined);
    // 5. Inline projections see it within the same transaction.
    await prepared;
    if (prepared) await this.project(await appended);
    // 6. Commit, when this returns. Locks go with it.
    return { appended };
  }

  private async project(results: readonly AppendResult[]): Promise<void> {
    const events = results.flatMap((result) => result.events);
    if (events.length > 0) await this.inline?.project(events);
  }
}

function refuseRepeat(results: readonly AppendResult[]): void {
  if (results.length > 0 && results.every(({ events }) => events.length === 0))
    throw new Repeated('this command was applied before');
}

function outcomeOf(results: readonly AppendResult[]): Omit<CommandOutcome, 'value'> {
  return {
    streams: results.map(({ stream, revision }) => ({ stream, revision })),
    position: results.at(-1)?.globalPosition,
    repeated: false,
  };
}

function checkCommandId(commandId: string | undefined): string | undefined {
  if (commandId === undefined) return undefined;
  if (commandId.length === 0 || commandId.length > MAX_COMMAND_ID_LENGTH) {
    throw new InvalidArgument(`a command id has 1 to ${MAX_COMMAND_ID_LENGTH} characters`);
  }
  return commandId;
}

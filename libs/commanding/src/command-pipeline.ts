// The one way a command runs, in numbered steps. Where it can (one stream, no inline projections, no use of the database) it
// runs without a transaction: see unlocked-commands.ts. Else everything from 3 to 6 is one transaction, under locks; and so it
// is from the third attempt on. What is sent within a transaction is part of that one.
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { CommitUnknown, TransientConflict } from '@concord/database';
import { type AppendResult, EventStore } from '@concord/event-store';
import {
  ConcordError,
  currentMessage,
  InvalidArgument,
  newId,
  runInMessage,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { appliedBefore } from './applied-before.js';
import { CommandIdReused } from './command-id-reused.js';
import { DistributedTransactions } from './distributed-transactions.js';
import type { CommandOutcome, DomainCommand } from './domain-command.js';
import type { Executed } from './executed.js';
import { InlineProjections } from './inline-projections.js';
import { LockedStreams } from './locked-streams.js';
import { DecidedOnStaleState } from './mailbox.js';
import type { SentCommand } from './sent-command.js';
import { told } from './telemetry.js';
import { UnitOfWork } from './unit-of-work.js';
import { UnlockedCommands } from './unlocked-commands.js';

/** What may be gone at the next attempt. */
const PASSING = [TransientConflict, WrongExpectedVersion, CommitUnknown, DecidedOnStaleState];
/** After which the command may have been applied. */
const UNKNOWN = [CommitUnknown, DecidedOnStaleState];

/** All that the command would add is there already: its transaction is rolled back, and the first outcome is the answer. */
class Repeated extends ConcordError {
  readonly code = 'repeated';
}

const MAX_ATTEMPTS = 6;
// One more after a conflict: were it under locks, those in the mailbox would conflict with it in their turn, and so on.
const UNLOCKED_ATTEMPTS = 2;
const MAX_COMMAND_ID_LENGTH = 200;
const FIRST_BACKOFF_MS = 5;
const RETRY_WITHIN_MS = 10_000;

/** Runs handlers as commands: tenant, at most once, unit of work, retry. */
@Injectable()
export class CommandPipeline {
  private readonly unlocked: UnlockedCommands | undefined;

  constructor(
    @Inject(EventStore) private readonly store: EventStore,
    @Optional() @Inject(InlineProjections) private readonly inline?: InlineProjections,
    @Optional() @Inject(DistributedTransactions) private readonly distributed?: DistributedTransactions,
  ) {
    this.unlocked = store.unlocked && new UnlockedCommands(store, store.unlocked);
  }

  /** Runs a handler as a command. Errors: what the handler throws, those of EventStore.append, TenantMissing. */
  async run<Value>(
    command: DomainCommand<unknown, Value>,
    handle: () => Promise<Value>,
    handler: object = handle,
  ): Promise<CommandOutcome<Value>> {
    if (UnitOfWork.current) throw new Error('a command handler does not send commands: load the aggregates it needs');
    // 1. Whose data it is.
    currentTenant();
    // 2. What it is called and belongs to.
    const commandId = checkCommandId(command.commandId) ?? newId();
    const correlationId = currentMessage()?.correlationId ?? commandId;
    const sent = { id: commandId, fingerprint: command.fingerprint, touched: new Set<StreamName>(), attempts: 0 };
    const ofSeveral = this.distributed?.commandOf(handler);
    const attempt = () =>
      told(command, sent, () => ofSeveral?.(sent.id, handle) ?? this.attempt(command, sent, handle));
    return runInMessage({ correlationId, causationId: commandId }, () => this.unlocked?.counted(attempt) ?? attempt());
  }

  private attempt<Value>(
    command: DomainCommand<unknown, Value>,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<CommandOutcome<Value>> {
    return this.store.isInTransaction ? this.join(command, sent, handle) : this.runAlone(command, sent, handle);
  }

  /** In a transaction that somebody else began, and may begin again: what fails in it, fails it as a whole. */
  private async join<Value>(
    command: DomainCommand<unknown, Value>,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<CommandOutcome<Value>> {
    const look = command.commandId !== undefined;
    // A repeat has to be known beforehand: what it writes besides could not be taken back alone.
    const before = look ? await this.appliedBefore<Value>(sent) : undefined;
    return before ?? this.answer(sent, await this.execute(new LockedStreams(this.store), sent, handle), look);
  }

  private async runAlone<Value>(
    command: DomainCommand<unknown, Value>,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<CommandOutcome<Value>> {
    const deadline = Date.now() + RETRY_WITHIN_MS;
    for (let attempt = 1, look = command.commandId !== undefined; ; attempt += 1) {
      sent.attempts = attempt;
      try {
        const unlocked = attempt <= UNLOCKED_ATTEMPTS ? await this.withoutLocks(command, sent, handle) : undefined;
        return await this.answer(sent, unlocked ?? (await this.underLocks(command, sent, handle)), look);
      } catch (error) {
        // 7. At most once: was it applied before, or by a twin while this one waited, or was its own answer lost?
        look ||= UNKNOWN.some((kind) => error instanceof kind);
        const applied = look ? await this.lookAfter<Value>(sent, error) : undefined;
        if (applied) return applied;
        if (!mayRetry(error, attempt, deadline)) throw error;
      }
      await sleep(FIRST_BACKOFF_MS * 2 ** attempt * Math.random());
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

  private async withoutLocks<Value>(
    command: DomainCommand<unknown, Value>,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<Executed<Value> | undefined> {
    if (this.inline?.isActive) return undefined;
    return this.unlocked?.execute(command.constructor, sent, handle);
  }

  private async underLocks<Value>(
    command: DomainCommand<unknown, Value>,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<Executed<Value>> {
    const streams = new LockedStreams(this.store);
    const executed = await this.store.transaction(async () => {
      const executing = await this.execute(streams, sent, handle);
      // What a handler wrote besides goes with a repeat; only one with an id of the caller's can be one.
      if (command.commandId !== undefined) refuseRepeat(await executing.appended);
      return executing;
    });
    const results = await executed.appended;
    const kept = streams.committed(results);
    if (!this.inline?.isActive) this.unlocked?.committed(command.constructor, results, kept);
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
      throw error instanceof CommandIdReused ? error : failure;
    }
  }

  private async execute<Value>(
    streams: LockedStreams,
    sent: SentCommand,
    handle: () => Promise<Value>,
  ): Promise<Executed<Value>> {
    // 3. The handler loads under locks and decides.
    const unitOfWork = new UnitOfWork(streams, sent);
    const value = await unitOfWork.run(handle);
    if (!unitOfWork.hasDecided) return { value, appended: Promise.resolve([]) };
    // 4. Everything decided is appended at once. Nobody waits for it yet: it is sent together with the commit.
    const prepared = this.inline?.isActive ? this.inline.prepare(unitOfWork.changedStreams) : undefined;
    const appended = unitOfWork.append();
    appended.catch(() => undefined);
    // 5. Inline projections see it within the same transaction.
    await prepared;
    if (prepared) await this.project(await appended);
    // 6. Commit, when this returns. Locks go with it.
    return { value, appended };
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

function mayRetry(error: unknown, attempt: number, deadline: number): boolean {
  if (attempt === MAX_ATTEMPTS || Date.now() > deadline) return false;
  return PASSING.some((kind) => error instanceof kind);
}

function checkCommandId(commandId: string | undefined): string | undefined {
  if (commandId === undefined) return undefined;
  if (commandId.length === 0 || commandId.length > MAX_COMMAND_ID_LENGTH) {
    throw new InvalidArgument(`a command id has 1 to ${MAX_COMMAND_ID_LENGTH} characters`);
  }
  return commandId;
}

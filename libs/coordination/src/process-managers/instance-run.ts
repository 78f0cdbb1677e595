// Works on one instance until nothing is to be done for it: events, then timers, then commands, each recorded before the next.
// Whoever records on an old state is refused by the stream's expected version, so that two who work on one instance do no
// harm; they only work in vain.
import { CommitUnknown, DatabaseUnavailable, OwnershipLost, TransientConflict } from '@concord/database';
import { StoreUnavailable } from '@concord/event-store';
import {
  EventIdInUse,
  type EventMetadata,
  newId,
  NO_REVISION,
  type RecordedEvent,
  runInMessage,
  type StreamName,
  WrongExpectedVersion,
} from '@concord/kernel';
import { contextOf, within } from '@concord/telemetry';
import { CommandDelivery, type Sent } from './command-delivery.js';
import {
  decideOnCompensated,
  decideOnEvent,
  decideOnSettled,
  decideOnTimer,
  decideTakeOver,
  type Running,
} from './decide.js';
import type { ProcessDefinition } from './process-definition.js';
import type { ProcessEvent, SettledCommand } from './process-events.js';
import { type InstanceEvent, type OwedCommand, ProcessInstance } from './process-instance.js';
import type { Claimed } from './process-rows.js';
import { type StepKind, tellOfTimer } from './process-metrics.js';
import { type ProcessWork, streamOfProcess } from './process-work.js';

/** Somebody else has recorded something: what was thought about the instance does not hold. */
export class InstanceMoved extends Error {}

export class InstanceRun {
  readonly instance: ProcessInstance;
  readonly definition: ProcessDefinition;
  /** Events of the inbox that are done with. */
  readonly done = new Set<string>();
  /** Whether anything was recorded. */
  hasMoved = false;
  /** Of the step in hand, or the last one. */
  kind: StepKind = 'event';
  private readonly stream: StreamName;
  private readonly delivery: CommandDelivery;
  private inbox: readonly RecordedEvent[] = [];

  /** Errors: InvalidArgument where the version of the instance is not here. */
  constructor(
    private readonly work: ProcessWork,
    private readonly claimed: Claimed,
  ) {
    this.instance = new ProcessInstance(claimed.instance);
    this.definition = work.definitions.of(claimed.process, claimed.version);
    this.stream = streamOfProcess(claimed.process, claimed.instance);
    this.delivery = new CommandDelivery(work.commands, this.definition, claimed, this.stream);
  }

  /** Errors: those of the store, and where an event of the inbox is gone. */
  async load(): Promise<void> {
    const { store } = this.work;
    const events = this.claimed.inbox.length > 0 ? store.findEvents(this.claimed.inbox) : Promise.resolve([]);
    events.catch(() => undefined);
    for await (const event of store.readStream(this.stream)) this.instance.apply(event as unknown as InstanceEvent);
    const byId = new Map((await events).map((event) => [event.id, event]));
    this.inbox = this.claimed.inbox.map((id) => {
      const event = byId.get(id);
      if (!event) throw new Error(`event ${id}, which is in the inbox, is not in the store any more`);
      return event;
    });
  }

  /** Does the next thing and records it. False: nothing is to be done now. Errors: InstanceMoved, and whatever went wrong. */
  async step(): Promise<boolean> {
    const { instance } = this;
    if (instance.quarantined) return false;
    if (instance.hasEnded) {
      for (const id of this.claimed.inbox) this.done.add(id);
      return false;
    }
    return (
      (await this.does('take-over', this.takeOver())) ||
      (await this.does('event', this.handleEvent())) ||
      (await this.does('timer', this.fireTimer())) ||
      (instance.phase === 'compensating'
        ? this.does('compensation', this.compensate())
        : this.does('command', this.sendCommand()))
    );
  }

  private does(kind: StepKind, work: Promise<boolean>): Promise<boolean> {
    this.kind = kind;
    return work;
  }

  /** Whether so many attempts in a row are enough. */
  mayQuarantine(attempts: number): boolean {
    return attempts >= this.definition.maxAttempts;
  }

  /** Sets the instance aside. Errors: as step(). */
  async quarantine(reason: string, attempts: number): Promise<void> {
    await this.record({ type: 'ProcessQuarantined', data: { reason, attempts } }, this.instance.origin);
  }

  private get running(): Running {
    return { definition: this.definition, instance: this.instance, now: this.claimed.now() };
  }

  private async takeOver(): Promise<boolean> {
    const decided = decideTakeOver(this.running);
    if (!decided) return false;
    await this.record(decided, this.instance.origin);
    return true;
  }

  private async handleEvent(): Promise<boolean> {
    for (const event of this.inbox) {
      if (this.done.has(event.id)) continue;
      const decided = decideOnEvent(this.running, event);
      if (decided) {
        const { metadata } = event;
        await this.record(decided, { ...metadata, correlationId: metadata.correlationId ?? event.id }, event.id);
      } else if (this.instance.phase === 'new') {
        // What is to go on with it waits for what starts it.
        continue;
      }
      this.done.add(event.id);
      return true;
    }
    return false;
  }

  private async fireTimer(): Promise<boolean> {
    const timer = this.instance.nextTimer;
    if (!timer || timer.dueAt > this.running.now) return false;
    const lateMs = this.running.now.getTime() - timer.dueAt.getTime();
    await this.record(decideOnTimer(this.running, timer.name), timer.origin);
    tellOfTimer(this.claimed.process, lateMs);
    return true;
  }

  private async sendCommand(): Promise<boolean> {
    const [owed] = this.instance.owed;
    if (!owed) return false;
    const sent = await this.delivery.send(owed);
    const { step, origin } = owed;
    if (sent.outcome === 'applied') await this.settle({ step, outcome: 'applied' }, origin);
    else if (sent.outcome === 'refused' && this.instance.phase === 'ending') {
      throw new Error(`${step}, the last that this process had to do, was refused: ${sent.reason}`);
    } else await this.settleUnlessApplied(settlementOf(step, sent), origin);
    return true;
  }

  /** What is owed is not done any more, and what was done is undone, the last first. */
  private async compensate(): Promise<boolean> {
    const [owed] = this.instance.owed;
    if (owed) {
      const { step, origin } = owed;
      const wasApplied = await this.settleUnlessApplied({ step, outcome: 'cancelled' }, origin);
      if (wasApplied) await this.settle({ step, outcome: 'applied' }, origin);
      return true;
    }
    const last = this.instance.undoable.at(-1);
    if (last) await this.undo(last);
    else await this.record(decideOnCompensated(this.running), this.instance.origin);
    return true;
  }

  private async undo(step: OwedCommand): Promise<void> {
    const sent = await this.delivery.compensate(step);
    const undone: ProcessEvent = { type: 'ProcessStepCompensated', data: { step: step.step } };
    if (sent.outcome === 'refused') throw new Error(`the compensation of ${step.step} was refused: ${sent.reason}`);
    if (sent.outcome === 'settled') throw new InstanceMoved();
    const id = sent.outcome === 'unchanged' ? this.delivery.needlessOf(step.step) : newId();
    // In use: it was applied meanwhile after all, and the next attempt hears of it.
    await this.record(undone, step.origin, undefined, id).catch(ignoreIdInUse);
  }

  private settle(settled: SettledCommand, origin: EventMetadata): Promise<void> {
    return this.record(decideOnSettled(this.running, settled), origin);
  }

  /** Settles what left no event, for good. True: it was applied after all, by somebody else; nothing was recorded. */
  private async settleUnlessApplied(settled: SettledCommand, origin: EventMetadata): Promise<boolean> {
    const id = this.delivery.refusalOf(settled.step);
    try {
      await this.record(decideOnSettled(this.running, settled), origin, undefined, id);
      return false;
    } catch (error) {
      ignoreIdInUse(error);
      return true;
    }
  }

  private async record(
    event: ProcessEvent,
    origin: EventMetadata,
    causationId?: string,
    id: string = newId(),
  ): Promise<void> {
    const { revision } = this.instance;
    const expected = revision === NO_REVISION ? 'no-stream' : revision;
    const message = { correlationId: origin.correlationId ?? id, ...(causationId !== undefined && { causationId }) };
    const request = { stream: this.stream, expected, events: [{ ...event, id }] } as const;
    try {
      const [result] = await within(contextOf(origin), () =>
        runInMessage(message, () => this.work.store.append(request)),
      );
      const [recorded] = result?.events ?? [];
      // A repeat, as it seems: an answer was lost on the way.
      if (!recorded) throw new InstanceMoved();
      this.instance.apply(recorded as unknown as InstanceEvent);
      this.hasMoved = true;
    } catch (error) {
      throw error instanceof WrongExpectedVersion ? new InstanceMoved() : error;
    }
  }
}

function settlementOf(step: string, sent: Sent): SettledCommand {
  if (sent.outcome === 'settled') throw new InstanceMoved();
  if (sent.outcome !== 'refused') return { step, outcome: sent.outcome };
  return { step, outcome: 'refused', invariant: sent.invariant, reason: sent.reason };
}

function ignoreIdInUse(error: unknown): void {
  if (!(error instanceof EventIdInUse)) throw error;
}

const NOBODYS = [OwnershipLost, DatabaseUnavailable, StoreUnavailable, CommitUnknown, TransientConflict];

/** Neither the instance's fault nor that of its code. */
export function isNobodysFault(error: unknown): boolean {
  return NOBODYS.some((kind) => error instanceof kind);
}

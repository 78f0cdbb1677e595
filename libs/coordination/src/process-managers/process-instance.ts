// An instance as its stream tells it. Pure: no store, no clock.
import { type EventMetadata, NO_REVISION, type StreamPosition } from '@concord/kernel';
import type { ProcessEvent, Reaction, RequestedCommand, SettledCommand } from './process-events.js';

/** `ending`: only commands that it still owes are sent. */
export type ProcessPhase = 'new' | 'running' | 'compensating' | 'ending' | 'completed' | 'compensated';

/** What belongs to which conversation: that of the event which led to it. */
type Origin = EventMetadata;

/** A command that is not settled, or, later, one that may have to be undone. */
export interface OwedCommand extends RequestedCommand {
  readonly origin: Origin;
}

/** A timer that has not fired. */
export interface RunningTimer {
  readonly name: string;
  readonly dueAt: Date;
  readonly origin: Origin;
}

/** An event of the stream, with what it says about where it comes from. */
export type InstanceEvent = ProcessEvent & {
  readonly metadata?: EventMetadata;
  readonly streamPosition?: StreamPosition;
};

export class ProcessInstance {
  phase: ProcessPhase = 'new';
  /** Why nothing is done with it until somebody releases it. */
  quarantined: { readonly reason: string; readonly attempts: number } | undefined;
  /** Of the code that it began with, or that has taken it over. */
  version = 0;
  state: unknown = undefined;
  revision: StreamPosition = NO_REVISION;
  /** Why it failed. */
  failure: string | undefined;
  /** Events that it has handled. */
  readonly handled = new Set<string>();
  /** Names of all its steps so far. */
  readonly steps = new Set<string>();
  /** In the order in which they are sent. */
  readonly owed: OwedCommand[] = [];
  /** Applied, and can be undone; the last one first. */
  readonly undoable: OwedCommand[] = [];
  readonly timers = new Map<string, RunningTimer>();
  private endsAs: 'completed' | 'compensated' = 'completed';
  private lastOrigin: Origin = {};

  constructor(readonly id: string) {}

  get hasEnded(): boolean {
    return this.phase === 'completed' || this.phase === 'compensated';
  }

  /** Where it is from what it did last: for what has no other conversation. */
  get origin(): Origin {
    return this.lastOrigin;
  }

  /** The timer that is due first. */
  get nextTimer(): RunningTimer | undefined {
    if (this.phase !== 'running') return undefined;
    return [...this.timers.values()].sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime())[0];
  }

  /** Adds the next event of its stream. */
  apply(event: InstanceEvent): this {
    const origin = event.metadata ?? {};
    this.revision = event.streamPosition ?? this.revision + 1n;
    this.lastOrigin = origin;
    this.applyFacts(event, origin);
    if (event.type !== 'ProcessStepCompensated' && event.type !== 'ProcessQuarantined') this.react(event.data, origin);
    if (this.phase === 'ending' && this.owed.length === 0) this.phase = this.endsAs;
    return this;
  }

  private applyFacts(event: ProcessEvent, origin: Origin): void {
    switch (event.type) {
      case 'ProcessStarted':
        this.phase = 'running';
        this.version = event.data.version;
        this.handled.add(event.data.eventId);
        break;
      case 'ProcessEventHandled':
        this.handled.add(event.data.eventId);
        break;
      case 'ProcessTimerFired':
        this.timers.delete(event.data.timer);
        break;
      case 'ProcessCommandSettled':
        this.settle(event.data, origin);
        break;
      case 'ProcessStepCompensated':
        this.undoable.pop();
        break;
      case 'ProcessCompensated':
        this.phase = 'ending';
        this.endsAs = 'compensated';
        break;
      case 'ProcessQuarantined':
        this.quarantined = event.data;
        break;
      case 'ProcessReleased':
        this.quarantined = undefined;
        break;
      case 'ProcessTakenOver':
        this.version = event.data.to;
        break;
    }
  }

  private settle({ step, outcome }: SettledCommand, origin: Origin): void {
    const index = this.owed.findIndex((command) => command.step === step);
    const [command] = this.owed.splice(index, 1);
    if (outcome === 'applied' && command?.compensation) this.undoable.push({ ...command, origin });
  }

  private react({ became, commands, timers, cancelled, completes, fails }: Reaction, origin: Origin): void {
    if (became) this.state = became.state;
    for (const command of commands ?? []) {
      this.steps.add(command.step);
      this.owed.push({ ...command, origin });
    }
    for (const name of cancelled ?? []) this.timers.delete(name);
    for (const { name, dueAt } of timers ?? []) this.timers.set(name, { name, dueAt: new Date(dueAt), origin });
    if (completes) this.phase = 'ending';
    if (fails !== undefined) {
      this.phase = 'compensating';
      this.failure = fails;
    }
  }
}

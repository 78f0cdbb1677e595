// How a class says that it is a process manager: what starts an instance of it, what goes on with it, and what it sends.
import { Injectable } from '@nestjs/common';
import type { DomainEvent, GlobalPosition, RecordedEvent } from '@concord/kernel';
import type { AnyCommand, ProcessStep } from './process-step.js';

/** A command class that a process manager may send. It is made anew from its stored order. */
export type SendableCommand = new (order: never, commandId?: string, fingerprint?: string) => AnyCommand;

/** What a process manager is called, and how it is run. */
export interface ProcessManagerOptions {
  /** A letter, then letters, digits or underscores, at most 50. The streams of its instances are `process_<name>-<id>`. */
  readonly name: string;
  /** Of its code: raise it when running instances would not understand the new one; 1 by default. */
  readonly version?: number;
  /**
   * Instances of which versions this one takes over, and what becomes of their state. What is not named here goes on with
   * the class of its own version, which has to be kept.
   */
  readonly takesOver?: Readonly<Record<number, (state: never) => unknown>>;
  /** Every class that it sends. */
  readonly commands: readonly SendableCommand[];
  /** Where a process manager that is new begins in the feed: `'now'` by default, 0n with the first event of all. */
  readonly from?: GlobalPosition | 'now';
  /** Attempts in a row before an instance is quarantined; 5 by default. */
  readonly maxAttempts?: number;
  /** Between attempts: doubled each time, with jitter; 200 ms up to 30 s by default. */
  readonly retry?: { readonly firstMs: number; readonly mostMs: number };
}

/** Which instance an event is for: its id; undefined for none. Pure. */
export type Correlate<Event extends DomainEvent = DomainEvent> = (event: RecordedEvent<Event>) => string | undefined;

/** How an event goes on with an instance. */
export interface ContinueOptions {
  /**
   * An instance that has not started: `'wait'` keeps the event until it does (events of two streams may come in another order
   * than they happened), `'ignore'` passes it over. `'wait'` by default.
   */
  readonly whenMissing?: 'wait' | 'ignore';
}

/** A command that was applied. */
export interface AppliedStep {
  readonly step: string;
}

/** A command that was refused, by which invariant and why. It never is applied. */
export interface RefusedStep {
  readonly step: string;
  readonly invariant: string;
  readonly reason: string;
}

/** A timer that has fired. */
export interface FiredTimer {
  readonly timer: string;
}

/** A process that has failed, and undone what it had done. */
export interface CompensatedProcess {
  readonly reason: string;
}

/** What `@...` marks, before it is bound to an instance of its class. */
export type Mark =
  | { readonly kind: 'starts'; readonly eventType: string; readonly correlate: Correlate }
  | {
      readonly kind: 'continues';
      readonly eventType: string;
      readonly correlate: Correlate;
      readonly whenMissing: 'wait' | 'ignore';
    }
  | { readonly kind: 'timer'; readonly timer: string }
  | { readonly kind: 'applied' | 'refused'; readonly step: string }
  | { readonly kind: 'compensated' };

/** A mark and the method that has it. */
export type MarkedMethod = Mark & { readonly method: string };

type Handler<What> = (what: What, process: ProcessStep<never>) => void;
type Marks<What> = <Key extends string>(target: Record<Key, Handler<What>>, method: Key) => void;

/** For all steps that have no method of their own. */
export const ANY_STEP = '*';

const OPTIONS = Symbol('concord:process-manager');
const MARKED = Symbol('concord:process-methods');

/** Declares a class as a process manager; it is then found among the providers of any module. Its methods are pure. */
export function ProcessManager(options: ProcessManagerOptions): ClassDecorator {
  return (target) => {
    Reflect.defineMetadata(OPTIONS, options, target);
    Injectable()(target);
  };
}

/** Begins an instance with an event. A second one for the same instance is passed over. */
export function StartsOn<Event extends DomainEvent>(
  eventType: Event['type'],
  correlate: Correlate<Event>,
): Marks<RecordedEvent<Event>> {
  return mark({ kind: 'starts', eventType, correlate: correlate as Correlate });
}

/** Goes on with an instance that has begun and not ended. */
export function ContinuesOn<Event extends DomainEvent>(
  eventType: Event['type'],
  correlate: Correlate<Event>,
  { whenMissing = 'wait' }: ContinueOptions = {},
): Marks<RecordedEvent<Event>> {
  return mark({ kind: 'continues', eventType, correlate: correlate as Correlate, whenMissing });
}

/** Called when a timer of this name fires. */
export function OnTimer(timer: string): Marks<FiredTimer> {
  return mark({ kind: 'timer', timer });
}

/** Called when the command of this step was applied; without a name, of every step that has no method of its own. */
export function OnApplied(step: string = ANY_STEP): Marks<AppliedStep> {
  return mark({ kind: 'applied', step });
}

/** Called when an invariant has refused the command of this step. Where there is no such method, the process fails. */
export function OnRefused(step: string = ANY_STEP): Marks<RefusedStep> {
  return mark({ kind: 'refused', step });
}

/** Called when the process has failed and all is undone: it may send last commands, and do nothing else. */
export function OnCompensated(): Marks<CompensatedProcess> {
  return mark({ kind: 'compensated' });
}

/** What a class declares; undefined for any other class. */
export function declaredBy(
  type: object,
): { readonly options: ProcessManagerOptions; readonly marked: readonly MarkedMethod[] } | undefined {
  const options = Reflect.getMetadata(OPTIONS, type) as ProcessManagerOptions | undefined;
  if (!options) return undefined;
  const { prototype } = type as { prototype: object };
  return { options, marked: (Reflect.getMetadata(MARKED, prototype) ?? []) as readonly MarkedMethod[] };
}

function mark<What>(marked: Mark): Marks<What> {
  return (target, method) => {
    const others = (Reflect.getMetadata(MARKED, target) ?? []) as readonly MarkedMethod[];
    Reflect.defineMetadata(MARKED, [...others, { ...marked, method }], target);
  };
}

// What stands in the stream of an instance: each thing that came to it, and what its handler made of that, as one event.
// The instance is what these add up to, and nothing else.
import type { DomainEvent } from '@concord/kernel';

/** A command as it is kept until it is sent: its class by name, its order as JSON. */
export interface StoredCommand {
  readonly type: string;
  readonly order: unknown;
}

/** A command to send, under the name of its step; `compensation` undoes it, should the process fail. */
export interface RequestedCommand extends StoredCommand {
  readonly step: string;
  readonly compensation?: StoredCommand;
}

/** A timer: `dueAt` is an ISO time. One of the same name takes its place. */
export interface RequestedTimer {
  readonly name: string;
  readonly dueAt: string;
}

/** What a handler decided. What is left out stays as it was. */
export interface Reaction {
  /** In an object of its own: a state may be null. */
  readonly became?: { readonly state: unknown };
  readonly commands?: readonly RequestedCommand[];
  readonly timers?: readonly RequestedTimer[];
  readonly cancelled?: readonly string[];
  /** It ends well, when its commands are settled. */
  readonly completes?: true;
  /** Why it fails: from here on what was done is undone. */
  readonly fails?: string;
}

interface Handled extends Reaction {
  /** The event that came. */
  readonly eventId: string;
  readonly eventType: string;
}

/**
 * `applied`, or accepted and `unchanged`: there is nothing to undo. `refused` by an invariant, or `cancelled` before it was
 * applied: it never will be, then.
 */
export type Settlement = 'applied' | 'unchanged' | 'refused' | 'cancelled';

/** A command was settled, for good. */
export interface SettledCommand {
  readonly step: string;
  readonly outcome: Settlement;
  /** The name of the invariant that refused it. */
  readonly invariant?: string;
  readonly reason?: string;
}

export type ProcessStarted = DomainEvent<'ProcessStarted', Handled & { readonly version: number }>;
export type ProcessEventHandled = DomainEvent<'ProcessEventHandled', Handled>;
export type ProcessTimerFired = DomainEvent<'ProcessTimerFired', Reaction & { readonly timer: string }>;
export type ProcessCommandSettled = DomainEvent<'ProcessCommandSettled', Reaction & SettledCommand>;
export type ProcessStepCompensated = DomainEvent<'ProcessStepCompensated', { readonly step: string }>;
export type ProcessCompensated = DomainEvent<'ProcessCompensated', Reaction>;
export type ProcessQuarantined = DomainEvent<
  'ProcessQuarantined',
  { readonly reason: string; readonly attempts: number }
>;
export type ProcessReleased = DomainEvent<
  'ProcessReleased',
  // Who released it and why, where that was said.
  { readonly fails?: string; readonly by?: string; readonly because?: string }
>;
export type ProcessTakenOver = DomainEvent<
  'ProcessTakenOver',
  { readonly from: number; readonly to: number; readonly became: { readonly state: unknown } }
>;

/** Every event of an instance's stream. */
export type ProcessEvent =
  | ProcessStarted
  | ProcessEventHandled
  | ProcessTimerFired
  | ProcessCommandSettled
  | ProcessStepCompensated
  | ProcessCompensated
  | ProcessQuarantined
  | ProcessReleased
  | ProcessTakenOver;

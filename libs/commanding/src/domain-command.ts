// What is sent to the CommandBus, and what comes back.
import { Command } from '@nestjs/cqrs';
import type { GlobalPosition, StreamName, StreamPosition } from '@concord/kernel';

/** A stream that the command changed, and its revision now. */
export interface ChangedStream {
  readonly stream: StreamName;
  readonly revision: StreamPosition;
}

/** The answer to a command: what it changed, and the value that its handler returned. */
export interface CommandOutcome<Value = void> {
  readonly streams: readonly ChangedStream[];
  /** Of the last event: wait for it to read your own write. `undefined` when nothing was changed. */
  readonly position: GlobalPosition | undefined;
  /** `undefined` when `repeated`: the handler did not run to its end this time. */
  readonly value: Value | undefined;
  /** The same command id had been applied before, and nothing was added. */
  readonly repeated: boolean;
}

/**
 * Base of commands: an order, and what it is known by. With a `commandId` of the caller's the command is applied at most
 * once, however often it is sent, until its events are archived or scavenged; without one, each sending is a command of
 * its own.
 */
export abstract class DomainCommand<Order = unknown, Value = void> extends Command<CommandOutcome<Value>> {
  constructor(
    readonly order: Order,
    readonly commandId?: string | undefined,
    /** Of what the caller sent: the same id with another fingerprint is refused, where it was given both times. */
    readonly fingerprint?: string | undefined,
  ) {
    super();
  }
}

/** What a handler implements: the pipeline loads, locks, appends and answers around it. */
export interface Handles<C extends DomainCommand<unknown, unknown>> {
  execute(command: C): Promise<C extends DomainCommand<unknown, infer Value> ? Value : never>;
}

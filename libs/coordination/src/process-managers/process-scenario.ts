// Given/when/then for one instance of a process manager: no store, no Nest, no clock. Runs what the worker runs.
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import { type DomainEvent, newId, type RecordedEvent } from '@concord/kernel';
import { decideOnEvent, decideOnSettled, decideOnTimer, type Running } from './decide.js';
import { type Duration, millisecondsOf } from './duration.js';
import { correlated, processDefinitionOf } from './process-definition.js';
import type { ProcessEvent, Reaction } from './process-events.js';
import { ProcessInstance } from './process-instance.js';
import type { AnyCommand } from './process-step.js';

/** What comes to an instance: an event, a command that was applied or refused, a timer that fires. */
export type Happening =
  | DomainEvent
  | { readonly applied: string }
  | { readonly refused: string; readonly invariant?: string; readonly reason?: string }
  | { readonly timer: string };

/** A command that is to be sent. */
export interface ExpectedCommand {
  readonly step: string;
  readonly command: AnyCommand;
  readonly compensation?: AnyCommand;
}

/** What may be expected after the last happening. */
export interface ProcessOutcome<State> {
  /** Exactly these commands are sent, in this order, with just these compensations. */
  thenSends(...expected: ExpectedCommand[]): ProcessOutcome<State>;
  /** Exactly these timers were set. */
  thenTimers(...expected: { readonly name: string; readonly after: Duration }[]): ProcessOutcome<State>;
  /** Exactly these timers were cancelled. */
  thenCancels(...expected: string[]): ProcessOutcome<State>;
  /** The state then. */
  thenState(expected: State): ProcessOutcome<State>;
  /** It was passed over: nothing is recorded of it. */
  thenNothing(): ProcessOutcome<State>;
  /** It ends well. */
  thenCompletes(): ProcessOutcome<State>;
  /** It fails, and these commands, in this order, undo what it did. */
  thenFails(reason: string | RegExp, ...undoing: AnyCommand[]): ProcessOutcome<State>;
  /** Its method threw an error with this text. */
  thenThrows(text: string | RegExp): void;
}

const NOW = new Date('2026-01-01T12:00:00.000Z');

/**
 * Starts a scenario from what has come to the instance so far:
 * `givenProcess(new LoanPayout(), 'l-1', requested, { applied: 'reserve' }).when({ timer: 'overdue' }).thenFails('overdue')`.
 */
export function givenProcess<State>(
  manager: object,
  id: string,
  ...happened: Happening[]
): { when(happening: Happening): ProcessOutcome<State> } {
  const definition = processDefinitionOf(manager);
  if (!definition)
    throw new TypeError(`${manager.constructor.name} is no process manager: mark it with @ProcessManager`);
  const instance = new ProcessInstance(id);
  const running: Running = { definition, instance, now: NOW };
  for (const happening of happened) {
    const decided = decide(running, happening);
    if (!decided) fail(`this is given, but passed over: ${JSON.stringify(happening)}`);
    instance.apply(decided);
  }
  return {
    when(happening) {
      try {
        const decided = decide(running, happening);
        if (decided) instance.apply(decided);
        return outcomeOf(instance, { decided });
      } catch (thrown) {
        return outcomeOf(instance, { thrown });
      }
    },
  };
}

function decide(running: Running, happening: Happening): ProcessEvent | undefined {
  const { instance } = running;
  if ('timer' in happening) {
    if (!instance.timers.has(happening.timer)) fail(`the timer "${happening.timer}" is not set`);
    return decideOnTimer(running, happening.timer);
  }
  if ('applied' in happening)
    return decideOnSettled(running, { step: owed(running, happening.applied), outcome: 'applied' });
  if ('refused' in happening) {
    const { refused, invariant = '', reason = '' } = happening;
    return decideOnSettled(running, { step: owed(running, refused), outcome: 'refused', invariant, reason });
  }
  const event = recordedOf(happening);
  const rules = running.definition.rules.get(event.type) ?? [];
  if (!correlated(rules, event).some((found) => found.instance === instance.id)) {
    fail(`${event.type} is not for the instance "${instance.id}": it is correlated to another one, or to none`);
  }
  return decideOnEvent(running, event);
}

function owed({ instance }: Running, step: string): string {
  if (!instance.owed.some((command) => command.step === step)) fail(`no command of step "${step}" is on its way`);
  return step;
}

function recordedOf(event: DomainEvent): RecordedEvent {
  const metadata = { tenantId: 'scenario', recordedAt: NOW };
  return { ...event, id: newId(), metadata, stream: 'scenario-1', streamPosition: 0n, globalPosition: 1n };
}

interface Result {
  readonly decided?: ProcessEvent | undefined;
  readonly thrown?: unknown;
}

function outcomeOf<State>(instance: ProcessInstance, { decided, thrown }: Result): ProcessOutcome<State> {
  const reaction = (): Reaction => {
    if (thrown !== undefined) throw thrown as Error;
    return (decided?.data ?? {}) as Reaction;
  };
  const result: ProcessOutcome<State> = {
    thenSends(...expected) {
      deepStrictEqual(reaction().commands ?? [], expected.map(storedOf));
      return result;
    },
    thenTimers(...expected) {
      const timers = expected.map(({ name, after }) => ({
        name,
        dueAt: new Date(NOW.getTime() + millisecondsOf(after)).toISOString(),
      }));
      deepStrictEqual(reaction().timers ?? [], timers);
      return result;
    },
    thenCancels(...expected) {
      deepStrictEqual(reaction().cancelled ?? [], expected);
      return result;
    },
    thenState(expected) {
      reaction();
      deepStrictEqual(instance.state, expected);
      return result;
    },
    thenNothing() {
      reaction();
      strictEqual(decided, undefined);
      return result;
    },
    thenCompletes() {
      strictEqual(reaction().completes, true, 'it does not end');
      return result;
    },
    thenFails(reason, ...undoing) {
      assertText(reaction().fails, reason);
      const compensations = instance.undoable.map(({ compensation }) => compensation).reverse();
      deepStrictEqual(compensations, undoing.map(orderOf));
      return result;
    },
    thenThrows(text) {
      if (thrown === undefined) fail('nothing was thrown');
      assertText((thrown as Error).message, text);
    },
  };
  return result;
}

function assertText(actual: string | undefined, expected: string | RegExp): void {
  if (typeof expected === 'string') strictEqual(actual, expected);
  else if (actual === undefined || !expected.test(actual)) fail(`"${actual ?? ''}" does not match ${expected}`);
}

function storedOf({ step, command, compensation }: ExpectedCommand): object {
  return { step, ...orderOf(command), ...(compensation && { compensation: orderOf(compensation) }) };
}

function orderOf(command: AnyCommand): object {
  return { type: command.constructor.name, order: command.order };
}

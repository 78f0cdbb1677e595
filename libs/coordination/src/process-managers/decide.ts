// What an instance makes of what comes to it: from an instance and something that happened to the event that its stream gets.
// Pure, so that the test kit runs the very same.
import type { RecordedEvent } from '@concord/kernel';
import type { ProcessDefinition, ProcessMethod } from './process-definition.js';
import type { ProcessEvent, Reaction, SettledCommand } from './process-events.js';
import type { ProcessInstance } from './process-instance.js';
import { GatheringStep } from './process-step.js';

/** An instance with the code that it runs by, at a moment. */
export interface Running {
  readonly definition: ProcessDefinition;
  readonly instance: ProcessInstance;
  readonly now: Date;
}

/** Undefined: the event is nothing to it, and is passed over. Errors: what the handler throws. */
export function decideOnEvent(running: Running, event: RecordedEvent): ProcessEvent | undefined {
  const { definition, instance } = running;
  if (instance.handled.has(event.id)) return undefined;
  const handled = { eventId: event.id, eventType: event.type };
  if (instance.phase === 'new') {
    const start = definition.starting.get(event.type);
    if (!start) return undefined;
    const reaction = react(running, start, event);
    return { type: 'ProcessStarted', data: { ...handled, version: definition.version, ...reaction } };
  }
  const method = definition.continuing.get(event.type);
  if (instance.phase !== 'running' || !method) return undefined;
  return { type: 'ProcessEventHandled', data: { ...handled, ...react(running, method, event) } };
}

/** Errors: what the handler throws, and a timer that no method is marked for. */
export function decideOnTimer(running: Running, timer: string): ProcessEvent {
  const method = running.definition.timers.get(timer);
  if (!method) throw new Error(`no method for the timer "${timer}": mark one with @OnTimer('${timer}')`);
  return { type: 'ProcessTimerFired', data: { timer, ...react(running, method, { timer }) } };
}

/** A running process hears of it; without a method for it, one that was refused fails. Errors: what the handler throws. */
export function decideOnSettled(running: Running, settled: SettledCommand): ProcessEvent {
  return { type: 'ProcessCommandSettled', data: { ...settled, ...reactToSettled(running, settled) } };
}

/** All is undone. Errors: what the handler throws. */
export function decideOnCompensated(running: Running): ProcessEvent {
  const { definition, instance } = running;
  const method = definition.compensated;
  if (!method) return { type: 'ProcessCompensated', data: {} };
  const { became, commands, ...more } = react(running, method, { reason: instance.failure ?? '' });
  if (Object.keys(more).length > 0) {
    throw new Error('a process that is compensated sends commands, and sets no timer and has no other end');
  }
  return { type: 'ProcessCompensated', data: { ...(became && { became }), ...(commands && { commands }) } };
}

/** Undefined: it runs by this version already. Errors: what the declared takeover throws. */
export function decideTakeOver({ definition, instance }: Running): ProcessEvent | undefined {
  if (instance.phase === 'new' || instance.version === definition.version) return undefined;
  const take = definition.takesOver.get(instance.version);
  if (!take)
    throw new Error(`version ${definition.version} of "${definition.name}" does not take over ${instance.version}`);
  const became = { state: take(instance.state) };
  return { type: 'ProcessTakenOver', data: { from: instance.version, to: definition.version, became } };
}

function reactToSettled(running: Running, settled: SettledCommand): Reaction {
  const { definition, instance } = running;
  if (instance.phase !== 'running') return {};
  const { step, outcome, invariant = '', reason = '' } = settled;
  if (outcome === 'applied' || outcome === 'unchanged') {
    const method = definition.applied(step);
    return method ? react(running, method, { step }) : {};
  }
  const method = definition.refused(step);
  return method ? react(running, method, { step, invariant, reason }) : { fails: `${step} was refused: ${reason}` };
}

function react({ definition, instance, now }: Running, method: ProcessMethod, what: unknown): Reaction {
  const step = new GatheringStep({ instance, now, commands: new Set(definition.commands.keys()) });
  const answer = method(what, step);
  if (isPromise(answer)) {
    answer.then(undefined, () => undefined);
    throw new Error(
      `a method of process manager "${definition.name}" answers a promise: it is pure, and sends commands`,
    );
  }
  return step.reaction;
}

// Not instanceof: where tests run in a realm of their own, there are two kinds.
function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function';
}

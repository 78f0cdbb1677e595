// A process manager, checked and ready to run: what its class declares, with the methods of one object of it.
import { InvalidArgument, type RecordedEvent } from '@concord/kernel';
import type { Backoff } from '@concord/subscriptions';
import {
  ANY_STEP,
  type Correlate,
  declaredBy,
  type MarkedMethod,
  type ProcessManagerOptions,
  type SendableCommand,
} from './process-manager.js';
import type { ProcessStep } from './process-step.js';

/** A marked method. */
export type ProcessMethod = (what: unknown, process: ProcessStep<unknown>) => unknown;

/** How an event reaches its instance. */
export interface EventRule {
  readonly correlate: Correlate;
  readonly starts: boolean;
  readonly waits: boolean;
}

export interface ProcessDefinition {
  readonly name: string;
  readonly version: number;
  readonly options: ProcessManagerOptions;
  readonly maxAttempts: number;
  readonly retry: Backoff;
  readonly takesOver: ReadonlyMap<number, (state: unknown) => unknown>;
  readonly commands: ReadonlyMap<string, SendableCommand>;
  /** By event type; a type may both start and go on. */
  readonly rules: ReadonlyMap<string, readonly EventRule[]>;
  readonly starting: ReadonlyMap<string, ProcessMethod>;
  readonly continuing: ReadonlyMap<string, ProcessMethod>;
  readonly timers: ReadonlyMap<string, ProcessMethod>;
  readonly compensated: ProcessMethod | undefined;
  applied(step: string): ProcessMethod | undefined;
  refused(step: string): ProcessMethod | undefined;
}

/** Between attempts, where a process manager says nothing else. */
export const RETRY: Backoff = { firstMs: 200, mostMs: 30_000 };
const MAX_ATTEMPTS = 5;
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,49}$/;

/** Undefined for an object of any other class. Errors: InvalidArgument for a declaration that cannot work. */
export function processDefinitionOf(manager: object): ProcessDefinition | undefined {
  const declared = declaredBy(manager.constructor);
  if (!declared) return undefined;
  const { options, marked } = declared;
  const { name, version = 1 } = options;
  if (!NAME.test(name)) {
    throw new InvalidArgument(
      `"${name.slice(0, 80)}" is no name of a process manager: use a letter, then letters, digits or _, at most 50 in all`,
    );
  }
  if (!Number.isInteger(version) || version < 1) {
    throw new InvalidArgument(`the version of process manager "${name}" is a whole number from 1 on, not ${version}`);
  }
  const bound = (kind: MarkedMethod['kind'], keyOf: (one: MarkedMethod) => string): Map<string, ProcessMethod> =>
    methodsByKey(name, manager, { marked: marked.filter((one) => one.kind === kind), keyOf });
  const starting = bound('starts', eventTypeOf);
  if (starting.size === 0) {
    throw new InvalidArgument(`nothing starts process manager "${name}": mark a method with @StartsOn`);
  }
  const [applied, refused] = [bound('applied', stepOf), bound('refused', stepOf)];
  return {
    name,
    version,
    options,
    maxAttempts: options.maxAttempts ?? MAX_ATTEMPTS,
    retry: options.retry ?? RETRY,
    takesOver: new Map(
      Object.entries(options.takesOver ?? {}).map(([from, take]) => [
        Number(from),
        take as (state: unknown) => unknown,
      ]),
    ),
    commands: commandsByName(options),
    rules: rulesOf(marked),
    starting,
    continuing: bound('continues', eventTypeOf),
    timers: bound('timer', (one) => (one.kind === 'timer' ? one.timer : '')),
    compensated: bound('compensated', () => '').get(''),
    applied: (step) => applied.get(step) ?? applied.get(ANY_STEP),
    refused: (step) => refused.get(step) ?? refused.get(ANY_STEP),
  };
}

/** Which instance an event is for by these rules, and how. Errors: InvalidArgument for an id that no stream can have. */
export function correlated(
  rules: readonly EventRule[],
  event: RecordedEvent,
): { readonly instance: string; readonly starts: boolean; readonly waits: boolean }[] {
  return rules.flatMap(({ correlate, starts, waits }) => {
    const instance = correlate(event);
    return instance === undefined ? [] : [{ instance, starts, waits }];
  });
}

function rulesOf(marked: readonly MarkedMethod[]): Map<string, EventRule[]> {
  const rules = new Map<string, EventRule[]>();
  for (const one of marked) {
    if (one.kind !== 'starts' && one.kind !== 'continues') continue;
    const starts = one.kind === 'starts';
    const rule = { correlate: one.correlate, starts, waits: !starts && one.whenMissing === 'wait' };
    rules.set(one.eventType, [...(rules.get(one.eventType) ?? []), rule]);
  }
  return rules;
}

function methodsByKey(
  name: string,
  manager: object,
  { marked, keyOf }: { readonly marked: readonly MarkedMethod[]; readonly keyOf: (one: MarkedMethod) => string },
): Map<string, ProcessMethod> {
  const methods = new Map<string, ProcessMethod>();
  for (const one of marked) {
    const key = keyOf(one);
    if (methods.has(key)) {
      throw new InvalidArgument(`process manager "${name}" has two methods for "${key || one.kind}": keep one`);
    }
    methods.set(key, (manager as Record<string, ProcessMethod>)[one.method]?.bind(manager) as ProcessMethod);
  }
  return methods;
}

function commandsByName({ name, commands }: ProcessManagerOptions): Map<string, SendableCommand> {
  const byName = new Map(commands.map((command) => [command.name, command]));
  if (byName.size === commands.length) return byName;
  throw new InvalidArgument(
    `two commands of process manager "${name}" have one class name: it is stored, so rename one of the classes`,
  );
}

function eventTypeOf(one: MarkedMethod): string {
  return one.kind === 'starts' || one.kind === 'continues' ? one.eventType : '';
}

function stepOf(one: MarkedMethod): string {
  return one.kind === 'applied' || one.kind === 'refused' ? one.step : '';
}

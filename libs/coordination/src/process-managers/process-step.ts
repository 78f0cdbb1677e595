// What a handler says to its process. It only gathers: nothing is sent, set or stored while a handler runs.
import type { DomainCommand } from '@concord/commanding';
import { assertExactJson, InvalidArgument } from '@concord/kernel';
import { type Duration, millisecondsOf } from './duration.js';
import type { Reaction, RequestedCommand, RequestedTimer, StoredCommand } from './process-events.js';
import type { ProcessInstance } from './process-instance.js';

/** What a handler may do with its process: say what it becomes, and what is to be done. All of it is recorded as one. */
export interface ProcessStep<State> {
  /** What correlates events to this instance. */
  readonly id: string;
  /** As it is, what this handler said included; before the first become() it is undefined. */
  readonly state: State;
  /** The state from now on: plain JSON. */
  become(state: State): void;
  /**
   * Has a command sent, exactly once, after this was recorded; commands of an instance go one after the other. `step` names
   * it, once an instance. `compensation` undoes it, if it was applied and the process fails. Errors: InvalidArgument for an
   * order that JSON would change, and a class that the process manager does not declare.
   */
  send(step: string, command: AnyCommand, options?: { readonly compensation?: AnyCommand }): void;
  /** Sets a timer, which survives restarts; one of the same name is replaced. */
  after(duration: Duration, timer: string): void;
  /** A timer that is not set, or has fired, is no error. */
  cancel(timer: string): void;
  /** It ends well as soon as its commands are settled; what comes then is ignored. */
  complete(): void;
  /** It fails: what is not applied yet never is, and what was applied is undone, the last first. */
  fail(reason: string): void;
}

/** Any command. */
export type AnyCommand = DomainCommand<unknown, unknown>;

/** What a step needs to know. */
export interface StepSetting {
  readonly instance: ProcessInstance;
  /** Names of the command classes that may be sent. */
  readonly commands: ReadonlySet<string>;
  readonly now: Date;
}

const MAX_NAME = 100;

export class GatheringStep implements ProcessStep<unknown> {
  private became: { readonly state: unknown } | undefined;
  private readonly commands: RequestedCommand[] = [];
  private readonly timers = new Map<string, RequestedTimer>();
  private readonly cancelled = new Set<string>();
  private end: { readonly completes: true } | { readonly fails: string } | undefined;

  constructor(private readonly setting: StepSetting) {}

  get id(): string {
    return this.setting.instance.id;
  }

  get state(): unknown {
    return this.became ? this.became.state : this.setting.instance.state;
  }

  become(state: unknown): void {
    assertExactJson(state, 'state');
    this.became = { state };
  }

  send(step: string, command: AnyCommand, options: { readonly compensation?: AnyCommand } = {}): void {
    assertName('step', step);
    const { steps } = this.setting.instance;
    if (steps.has(step) || this.commands.some((sent) => sent.step === step)) {
      throw new InvalidArgument(`step "${step}" was sent before: give each command of an instance a name of its own`);
    }
    const compensation = options.compensation && this.stored(options.compensation);
    this.commands.push({ step, ...this.stored(command), ...(compensation && { compensation }) });
  }

  after(duration: Duration, timer: string): void {
    assertName('timer', timer);
    const dueAt = new Date(this.setting.now.getTime() + millisecondsOf(duration)).toISOString();
    this.timers.set(timer, { name: timer, dueAt });
    this.cancelled.delete(timer);
  }

  cancel(timer: string): void {
    this.timers.delete(timer);
    this.cancelled.add(timer);
  }

  complete(): void {
    this.endOnce({ completes: true });
  }

  fail(reason: string): void {
    this.endOnce({ fails: reason });
  }

  /** What was gathered. */
  get reaction(): Reaction {
    const { became, commands, timers, cancelled, end } = this;
    return {
      ...(became && { became }),
      ...(commands.length > 0 && { commands }),
      ...(timers.size > 0 && { timers: [...timers.values()] }),
      ...(cancelled.size > 0 && { cancelled: [...cancelled] }),
      ...end,
    };
  }

  private endOnce(end: { readonly completes: true } | { readonly fails: string }): void {
    if (this.end) throw new InvalidArgument('a process ends once: call complete() or fail(), and only one of them');
    this.end = end;
  }

  private stored(command: AnyCommand): StoredCommand {
    const type = command.constructor.name;
    if (!this.setting.commands.has(type)) {
      throw new InvalidArgument(`${type} is not among the commands of this process manager: add it to @ProcessManager`);
    }
    assertExactJson(command.order, `order of ${type}`);
    return { type, order: command.order };
  }
}

function assertName(what: string, name: string): void {
  if (name.length > 0 && name.length <= MAX_NAME && name.isWellFormed() && !/\p{Cc}/u.test(name)) return;
  throw new InvalidArgument(`the name of a ${what} has 1 to ${MAX_NAME} characters, and no control characters`);
}

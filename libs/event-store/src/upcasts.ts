// The chains of all upcasts of an app, checked once: every version of an event type leads to its present one.
import type { Upcast } from '@concord/domain';
import { ConcordError, type DomainEvent, InvalidArgument } from '@concord/kernel';

/** Where an event's metadata keep the version of its form; absent for the first. */
export const EVENT_VERSION = 'eventVersion';

/** An event was written by code that knows a later form of it than this code: deploy this code anew. */
export class EventFromNewerCode extends ConcordError {
  readonly code = 'event-from-newer-code';
}

interface Form {
  readonly type: string;
  readonly version: number;
}

export class Upcasts {
  private readonly steps = new Map<string, Upcast>();
  /** The present version of each type that has, or once had, another form. */
  private readonly present = new Map<string, number>();
  /** What each present type was called before. */
  private readonly formerNames = new Map<string, Set<string>>();
  private readonly laterNames = new Map<string, string>();

  /** Errors: InvalidArgument for a step twice, a gap, a cycle, or a type that ends in two versions. */
  constructor(upcasts: readonly Upcast[] = []) {
    for (const step of upcasts) this.add(step);
    for (const step of upcasts) this.assertReached(step);
    for (const step of upcasts) this.follow(step);
  }

  get isEmpty(): boolean {
    return this.steps.size === 0;
  }

  /** The event in its present form. Errors: EventFromNewerCode. */
  apply<Event extends DomainEvent>(event: Event, version: unknown = 1): Event {
    let form: Form = { type: event.type, version: typeof version === 'number' ? version : 1 };
    const present = this.present.get(form.type) ?? 1;
    if (form.version > present && !this.steps.has(keyOf(form))) {
      throw new EventFromNewerCode(
        `an event ${form.type} has version ${form.version}, and this code knows it up to ${present}: deploy newer code`,
        { ...form },
      );
    }
    let data: unknown = event.data;
    let step = this.steps.get(keyOf(form));
    if (!step) return event;
    for (; step; step = this.steps.get(keyOf(form))) {
      data = (step.up as (old: unknown) => unknown)(data);
      form = next(step);
    }
    return { ...event, type: form.type, data };
  }

  /** What an event that is written now says of its form; undefined for the first. Errors: InvalidArgument, for an old name. */
  versionOf(type: string): number | undefined {
    const later = this.laterNames.get(type);
    if (later !== undefined) throw new InvalidArgument(`${type} is called ${later} now: append that`);
    return this.present.get(type);
  }

  /** These types, under all names that they ever had. */
  storedAs(types: readonly string[]): string[] {
    return [...new Set(types.flatMap((type) => [type, ...(this.formerNames.get(type) ?? [])]))];
  }

  private add(step: Upcast): void {
    if (!Number.isSafeInteger(step.from) || step.from < 1) {
      throw new InvalidArgument(`the upcast of ${step.type} is from version ${step.from}: the first version is 1`);
    }
    const key = keyOf({ type: step.type, version: step.from });
    if (this.steps.has(key)) {
      throw new InvalidArgument(`${step.type} has two upcasts from version ${step.from}: keep one`);
    }
    this.steps.set(key, step);
  }

  private assertReached({ type, from }: Upcast): void {
    const reached =
      from === 1 || [...this.steps.values()].some((one) => keyOf(next(one)) === keyOf({ type, version: from }));
    if (!reached) {
      throw new InvalidArgument(`the upcasts of ${type} have a gap: none leads to version ${from}, add it`);
    }
  }

  /** From one step to the end of its chain. */
  private follow(start: Upcast): void {
    const names = [start.type];
    let form = next(start);
    for (let step: Upcast | undefined = start; step; step = this.steps.get(keyOf(form))) {
      form = next(step);
      if (form.type === names.at(-1)) continue;
      if (names.includes(form.type)) {
        throw new InvalidArgument(`the upcasts of ${form.type} go round: ${[...names, form.type].join(' becomes ')}`);
      }
      names.push(form.type);
    }
    const known = this.present.get(form.type);
    if (known !== undefined && known !== form.version) {
      throw new InvalidArgument(`the upcasts of ${form.type} end at versions ${known} and ${form.version}: join them`);
    }
    this.present.set(form.type, form.version);
    for (const former of names.slice(0, -1)) {
      this.laterNames.set(former, form.type);
      this.formerNames.set(form.type, (this.formerNames.get(form.type) ?? new Set<string>()).add(former));
    }
  }
}

function next({ type, from, becomes = type }: Upcast): Form {
  return { type: becomes, version: from + 1 };
}

function keyOf({ type, version }: Form): string {
  return `${version} ${type}`;
}

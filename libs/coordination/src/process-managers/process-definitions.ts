// All process managers of an app, each with its versions.
import { InvalidArgument, type RecordedEvent } from '@concord/kernel';
import { correlated, type ProcessDefinition } from './process-definition.js';

/** What comes to an instance. */
export interface Correlated {
  readonly instance: string;
  readonly starts: boolean;
  readonly waits: boolean;
}

export class ProcessDefinitions {
  private readonly byName = new Map<string, ProcessDefinition[]>();

  /** Errors: InvalidArgument for two of one name and version. */
  constructor(definitions: readonly ProcessDefinition[]) {
    for (const definition of definitions) this.add(definition);
  }

  /** The newest version of each. */
  get newest(): readonly ProcessDefinition[] {
    return [...this.byName.values()].map((versions) => versions[0] as ProcessDefinition);
  }

  /** Which instances can be worked on here: by name and version of the code that they began with. */
  get known(): readonly { readonly process: string; readonly version: number }[] {
    return [...this.byName].flatMap(([process, versions]) =>
      [...new Set(versions.flatMap(({ version, takesOver }) => [version, ...takesOver.keys()]))].map((version) => ({
        process,
        version,
      })),
    );
  }

  /** Every event type that some version hears of. */
  typesOf(name: string): string[] {
    return [...new Set(this.versionsOf(name).flatMap(({ rules }) => [...rules.keys()]))];
  }

  /** That of a new instance, or the one that works on instances of a version. Errors: InvalidArgument where there is none. */
  of(name: string, version?: number): ProcessDefinition {
    const versions = this.versionsOf(name);
    const found =
      version === undefined
        ? versions[0]
        : (versions.find(({ takesOver }) => takesOver.has(version)) ?? versions.find((one) => one.version === version));
    if (found) return found;
    throw new InvalidArgument(
      version === undefined
        ? `there is no process manager "${name}" here`
        : `version ${version} of process manager "${name}" is not here: keep its class, or take it over`,
    );
  }

  /**
   * Who hears of an event: the newest version starts instances, and all say with which they go on. Each instance once.
   * Errors: those of the correlation.
   */
  correlate(name: string, event: RecordedEvent): Correlated[] {
    const [newest, ...older] = this.versionsOf(name).map(({ rules }) => correlated(rules.get(event.type) ?? [], event));
    const heard = [...(newest ?? []), ...older.flat().map((one) => ({ ...one, starts: false }))];
    const byInstance = Map.groupBy(heard, ({ instance }) => instance);
    return [...byInstance].map(([instance, found]) => ({
      instance,
      starts: found.some(({ starts }) => starts),
      waits: found.some(({ waits }) => waits),
    }));
  }

  private versionsOf(name: string): readonly ProcessDefinition[] {
    return this.byName.get(name) ?? [];
  }

  private add(definition: ProcessDefinition): void {
    const { name, version } = definition;
    const others = this.byName.get(name) ?? [];
    if (others.some((other) => other.version === version)) {
      throw new InvalidArgument(`process manager "${name}" has version ${version} twice: raise one, or remove it`);
    }
    this.byName.set(
      name,
      [...others, definition].sort((a, b) => b.version - a.version),
    );
  }
}

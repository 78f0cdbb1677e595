// What all contexts have declared to be personal, checked once.
import type { Personal } from '@concord/domain';
import { assertExactJson, InvalidArgument } from '@concord/kernel';
import { parsePath } from './field-path.js';

/** One declaration, ready to be used. */
export interface SubjectFields {
  readonly subject: readonly string[];
  readonly fields: readonly {
    readonly name: string;
    readonly path: readonly string[];
    readonly replacement: unknown;
  }[];
}

const NONE: readonly SubjectFields[] = [];

export class Declarations {
  private readonly byType = new Map<string, SubjectFields[]>();

  /** Errors: InvalidArgument that names the type and the field. */
  constructor(declared: readonly Personal[] = []) {
    for (const one of declared) this.add(one);
    for (const [type, all] of this.byType) assertApart(type, all);
  }

  /** One for each field that names a subject. */
  of(type: string): readonly SubjectFields[] {
    return this.byType.get(type) ?? NONE;
  }

  has(type: string): boolean {
    return this.byType.has(type);
  }

  get isEmpty(): boolean {
    return this.byType.size === 0;
  }

  private add({ type, subject, fields }: Personal): void {
    if (type === '' || type.startsWith('$')) {
      throw new InvalidArgument(`"${type}" cannot have personal fields: name an event type of your own`);
    }
    const entries = Object.entries(fields);
    if (entries.length === 0) throw new InvalidArgument(`${type} is declared with no personal fields: name some`);
    const known = this.byType.get(type) ?? [];
    if (known.some((other) => other.subject.join('.') === subject)) {
      throw new InvalidArgument(`${type} has two declarations for the subject "${subject}": join them`);
    }
    const declared = {
      subject: parsePath(subject),
      fields: entries.map(([name, replacement]) => {
        assertReplacement(type, name, replacement);
        return { name, path: parsePath(name), replacement };
      }),
    };
    this.byType.set(type, [...known, declared]);
  }
}

function assertReplacement(type: string, name: string, replacement: unknown): void {
  if (replacement === undefined) {
    throw new InvalidArgument(`${type}.${name} has no replacement: say what stands there when it is forgotten`);
  }
  assertExactJson(replacement, `replacement of ${type}.${name}`);
}

/** No field lies within another, and none hides who the subject is. */
function assertApart(type: string, all: readonly SubjectFields[]): void {
  const fields = all.flatMap((one) => one.fields);
  for (const [index, { name, path }] of fields.entries()) {
    const other = fields.slice(index + 1).find((one) => isWithin(one.path, path) || isWithin(path, one.path));
    if (other) throw new InvalidArgument(`${type}.${name} and ${type}.${other.name} overlap: declare one of them`);
    const hidden = all.find((one) => isWithin(one.subject, path) || isWithin(path, one.subject));
    if (hidden) {
      throw new InvalidArgument(
        `${type}.${name} hides the subject "${hidden.subject.join('.')}", which stays readable`,
      );
    }
  }
}

function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return outer.every((name, index) => inner[index] === name);
}

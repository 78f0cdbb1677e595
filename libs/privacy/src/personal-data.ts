// Seals personal fields and opens them. In the stored data a replacement stands in each field's place, and what belongs
// there is sealed beside it, for each subject of its own: whoever cannot open it reads the replacements.
import { JsonText } from '@concord/event-store';
import { type EventSeal, InvalidArgument, SEALED, type SealableAppend, type SealedEvent } from '@concord/kernel';
import type { Declarations, SubjectFields } from './declarations.js';
import { PersonalDataDamaged, SubjectForgotten, SubjectKeyMissing } from './errors.js';
import { isFields, valueAt, withValue } from './field-path.js';
import type { KeyRing, KnownSubject } from './key-ring.js';
import { isSubjectId, MAX_SUBJECT_LENGTH } from './subject-id.js';

type NewEvent = SealableAppend['events'][number];
type Subjects = ReadonlyMap<string, KnownSubject>;

/** What is sealed of one subject in one event. */
interface Box {
  readonly v: 1;
  readonly subject: string;
  readonly generation: number;
  /** The event's id: where aggregates are loaded it is read from here only. */
  readonly event: string;
  readonly sealed: string;
}

export class PersonalData implements EventSeal {
  constructor(
    private readonly declarations: Declarations,
    private readonly ring: KeyRing,
  ) {}

  get epoch(): number {
    return this.ring.epoch;
  }

  isPersonal(type: string): boolean {
    return this.declarations.has(type);
  }

  /** Errors: SubjectForgotten, InvalidArgument for a subject that is none. */
  seal<Append extends SealableAppend>(
    tenant: string,
    appends: readonly Append[],
  ): readonly Append[] | Promise<readonly Append[]> {
    const wanted = new Set<string>();
    for (const { events } of appends) for (const event of events) this.addSubjects(event, wanted);
    if (wanted.size === 0) return appends;
    const subjects = this.known(tenant, wanted, true);
    if (subjects instanceof Promise) return subjects.then((known) => this.sealAll(tenant, appends, known));
    return this.sealAll(tenant, appends, subjects);
  }

  /** Errors: PersonalDataDamaged, SubjectKeyMissing. */
  async open(tenant: string, events: readonly SealedEvent[]): Promise<readonly unknown[]> {
    const boxes = events.map(boxesOf);
    const wanted = new Set(boxes.flatMap((own) => own.map(({ subject }) => subject)));
    const subjects = await this.known(tenant, wanted, false);
    return events.map((event, index) => {
      const { [SEALED]: _sealed, ...shown } = event.data as Record<string, unknown>;
      return (boxes[index] ?? []).reduce<unknown>((data, box) => opened(data, box, { tenant, event, subjects }), shown);
    });
  }

  private addSubjects(event: NewEvent, wanted: Set<string>): void {
    for (const declared of this.declarations.of(event.type)) {
      const subject = subjectOf(event, declared);
      if (subject !== undefined) wanted.add(subject);
    }
  }

  /** Not a promise where all of them are at hand. */
  private known(tenant: string, wanted: ReadonlySet<string>, create: boolean): Subjects | Promise<Subjects> {
    const known = new Map<string, KnownSubject>();
    const missing: string[] = [];
    for (const subject of wanted) {
      const one = this.ring.get(tenant, subject);
      if (one) known.set(subject, one);
      else missing.push(subject);
    }
    if (missing.length === 0) return known;
    const asked = missing.map(async (subject) => {
      known.set(subject, await this.ring.ask(tenant, subject, create));
    });
    return Promise.all(asked).then(() => known);
  }

  private sealAll<Append extends SealableAppend>(
    tenant: string,
    appends: readonly Append[],
    subjects: Subjects,
  ): readonly Append[] {
    return appends.map((append) => {
      const { stream } = append;
      return { ...append, events: append.events.map((event) => this.sealed(event, { tenant, stream, subjects })) };
    });
  }

  private sealed(event: NewEvent, { tenant, stream, subjects }: Place): NewEvent {
    let { data } = event;
    const boxes: Box[] = [];
    for (const declared of this.declarations.of(event.type)) {
      const subject = subjectOf(event, declared);
      if (subject === undefined) continue;
      const present = subjects.get(subject)?.present;
      if (!present) {
        throw new SubjectForgotten(
          `subject "${subject}" was forgotten: nothing about them is stored, unless you readmit them`,
          {
            subject,
          },
        );
      }
      const entries = fieldsIn(event.data, declared);
      const box = { v: 1, subject, generation: present.generation, event: event.id.toLowerCase() } as const;
      const text = JSON.stringify(entries.map(({ name, value }) => [name, value]));
      boxes.push({ ...box, sealed: present.key.seal(text, placeOf(box, { tenant, stream, type: event.type })) });
      for (const { path, replacement } of entries) data = withValue(data, path, replacement);
    }
    return boxes.length === 0 ? event : { ...event, data: { ...(data as object), [SEALED]: boxes } };
  }
}

interface Place {
  readonly tenant: string;
  readonly stream: SealedEvent['stream'];
  readonly subjects: Subjects;
}

/** Undefined when the event has none of the fields. Errors: InvalidArgument. */
function subjectOf({ type, data }: NewEvent, declared: SubjectFields): string | undefined {
  if (data instanceof JsonText) {
    throw new InvalidArgument(
      `${type} has personal fields, so it cannot be kept to the byte: append its data as an object`,
    );
  }
  if (fieldsIn(data, declared).length === 0) return undefined;
  const subject = valueAt(data, declared.subject);
  if (isSubjectId(subject)) return subject;
  throw new InvalidArgument(
    `${type}.${declared.subject.join('.')} names whose personal data it is: a text of 1 to ${MAX_SUBJECT_LENGTH} characters`,
  );
}

function fieldsIn(data: unknown, { fields }: SubjectFields): (SubjectFields['fields'][number] & { value: unknown })[] {
  return fields.flatMap((field) => {
    const value = valueAt(data, field.path);
    return value === undefined ? [] : [{ ...field, value }];
  });
}

/** What a box is bound to: it opens nowhere else. */
function placeOf(
  { v, subject, generation, event }: Omit<Box, 'sealed'>,
  { tenant, stream, type }: { readonly tenant: string; readonly stream: string; readonly type: string },
): string {
  return JSON.stringify(['concord personal data', v, tenant, stream, type, event, subject, generation]);
}

function boxesOf(event: SealedEvent): readonly Box[] {
  const boxes = (event.data as Record<string, unknown>)[SEALED];
  if (Array.isArray(boxes) && boxes.every((box) => isBox(box, event.id))) return boxes;
  throw damaged(event);
}

function isBox(box: unknown, id: string | undefined): box is Box {
  if (!isFields(box)) return false;
  const { v, subject, generation, event, sealed } = box;
  if (id !== undefined && event !== id.toLowerCase()) return false;
  const texts = [subject, event, sealed].every((text) => typeof text === 'string');
  return v === 1 && texts && Number.isSafeInteger(generation);
}

function opened(data: unknown, box: Box, place: Omit<Place, 'stream'> & { readonly event: SealedEvent }): unknown {
  const { event, subjects, tenant } = place;
  const { subject, generation } = box;
  const keys = subjects.get(subject)?.keys;
  if (!keys?.has(generation)) {
    throw new SubjectKeyMissing(
      `there is no key of subject "${subject}", and no tombstone that says why: is this the database where it was made?`,
      { subject, stream: event.stream },
    );
  }
  const key = keys.get(generation);
  // Forgotten: the replacements stand where they should.
  if (!key) return data;
  const text = key.open(box.sealed, placeOf(box, { tenant, stream: event.stream, type: event.type }));
  if (text === undefined) throw damaged(event);
  let whole = data;
  for (const [name, value] of JSON.parse(text) as [string, unknown][]) {
    const replaced = withValue(whole, name.split('.'), value);
    if (!replaced) throw damaged(event);
    whole = replaced;
  }
  return whole;
}

function damaged({ type, stream, id }: SealedEvent): PersonalDataDamaged {
  return new PersonalDataDamaged(
    `what is sealed in an event ${type} of "${stream}" was changed or is from elsewhere: bring it back from a backup`,
    { type, stream, ...(id !== undefined && { id }) },
  );
}

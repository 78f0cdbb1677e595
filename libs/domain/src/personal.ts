// Which fields of an event are about a person, and which person. What is declared here is encrypted before it is stored.
import type { DomainEvent } from '@concord/kernel';

/** Personal fields of one event type that belong to one data subject. Made by {@link personal}, which checks the names. */
export interface Personal {
  readonly type: string;
  /** The field that names the data subject, by an id that is not itself personal. */
  readonly subject: string;
  /** Each personal field, and what stands in its place when the subject has been forgotten. */
  readonly fields: Readonly<Record<string, unknown>>;
}

// Deeper than four names: mark the object around it.
type Deeper = readonly [never, 0, 1, 2, 3];
type Plain<T> = Exclude<T, null | undefined>;
type IsFolder<T> = Plain<T> extends readonly unknown[] ? false : Plain<T> extends object ? true : false;

type PathOf<T, Depth extends number = 4> = Depth extends 0
  ? never
  : {
      [K in keyof T & string]: IsFolder<T[K]> extends true
        ? K | `${K}.${PathOf<Plain<T[K]>, Deeper[Depth] & number>}`
        : K;
    }[keyof T & string];

type ValueAt<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Head extends keyof T
    ? ValueAt<Plain<T[Head]>, Rest>
    : never
  : Path extends keyof T
    ? Exclude<T[Path], undefined>
    : never;

type SubjectPath<T> = { [Path in PathOf<T>]: ValueAt<T, Path> extends string ? Path : never }[PathOf<T>];

/**
 * Declares personal fields: `personal<Opened>({ type: 'Opened', subject: 'ownerId', fields: { 'address.street': '' } })`. A
 * path goes through objects; a list is marked whole. Each replacement has its field's type. An event type with several
 * subjects has a declaration for each.
 */
export function personal<Event extends DomainEvent>(declaration: {
  readonly type: Event['type'];
  readonly subject: SubjectPath<Event['data']>;
  readonly fields: { readonly [Path in PathOf<Event['data']>]?: ValueAt<Event['data'], Path> };
}): Personal {
  return declaration;
}

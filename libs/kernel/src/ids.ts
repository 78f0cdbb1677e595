// Identifiers: time-ordered where they are new (index locality), derived where a repeat must give the same one.
import { v5, v7, validate } from 'uuid';

const NAMESPACE = '2f0f6f3c-6a1b-5c57-9d3e-8c1a6f2b7d10';

/** A new, time-ordered UUID (version 7). */
export function newId(): string {
  return v7();
}

/** The same UUID (version 5) for the same parts, for ever: for ids that must survive a repeat. */
export function derivedId(...parts: readonly string[]): string {
  return v5(JSON.stringify(parts), NAMESPACE);
}

/** Whether the text is a UUID. */
export function isId(text: string): boolean {
  return validate(text);
}

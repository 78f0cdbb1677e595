// Tells of a failure that changes nothing any more, and so is thrown to nobody.
import { inspect } from 'node:util';

/** As a process warning of that name. As text: an error of another realm, as under Jest, is refused with a TypeError. */
export function warn(error: unknown, name: string): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  process.emitWarning(text, name);
}

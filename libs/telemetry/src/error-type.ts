// What telemetry says of an error: its kind, never its text, which may tell of people.
import { ConcordError } from '@concord/kernel';

/** The code of an error of ours, else the name of its class. */
export function errorTypeOf(error: unknown): string {
  if (error instanceof ConcordError) return error.code;
  return error instanceof Error ? error.name : '_OTHER';
}

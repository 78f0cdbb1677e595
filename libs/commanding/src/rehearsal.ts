// A command without its end, for tests: the handler runs and decides, and nothing is appended or committed.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { DomainEvent, StreamName } from '@concord/kernel';
import type { CommandOutcome } from './domain-command.js';
import type { UnitOfWork } from './unit-of-work.js';

/** What a handler came to, by itself. */
export interface Rehearsed {
  readonly decided: readonly (DomainEvent & { readonly stream: StreamName })[];
  readonly value?: unknown;
  readonly error?: unknown;
}

class Rehearsal {
  readonly rehearsed: Rehearsed[] = [];
}

const running = new AsyncLocalStorage<Rehearsal>();

/**
 * Runs `send`, in the ambient transaction that the caller rolls back; the commands that it sends are not completed. Answers
 * what their handlers decided. Errors: what `send` throws besides.
 */
export async function rehearse(send: () => Promise<unknown>): Promise<readonly Rehearsed[]> {
  const rehearsal = new Rehearsal();
  await running.run(rehearsal, send).catch((error: unknown) => {
    if (!rehearsal.rehearsed.some((one) => one.error === error)) throw error;
  });
  return rehearsal.rehearsed;
}

/** Undefined where nothing is rehearsed. */
export async function rehearsed<Value>(
  unitOfWork: () => UnitOfWork,
  handle: () => Promise<Value>,
): Promise<CommandOutcome<Value> | undefined> {
  const rehearsal = running.getStore();
  if (!rehearsal) return undefined;
  const work = unitOfWork();
  try {
    const value = await work.run(handle);
    rehearsal.rehearsed.push({ decided: work.decided, value });
    return { streams: [], position: undefined, value, repeated: false };
  } catch (error) {
    rehearsal.rehearsed.push({ decided: work.decided, error });
    throw error;
  }
}

// What users have called when something happens: a fault in that is theirs, and must not end what calls it.
import { warn } from '@concord/kernel';

/** Calls back; what it throws, or rejects with, becomes a process warning of that name. */
export function callback<Args extends unknown[]>(
  call: (...args: Args) => unknown,
  warning: string,
): (...args: Args) => void {
  const called = async (args: Args): Promise<void> => {
    await call(...args);
  };
  return (...args) => {
    called(args).catch((error: unknown) => warn(error, warning));
  };
}

// How a call of the group commit is told of. It runs in the context of whoever happened to come first, which is not that of the
// appends it carries: theirs is in their events.
import { contextOf, inSpan, isMetering, isTracing, linksTo, record, within } from '@concord/telemetry';
import type { StreamAppend } from './stream-append.js';

const SYSTEM = { 'db.system.name': 'postgresql' };

/** Runs the call that carries these appends: one in its own trace, several in a trace that is linked to theirs. */
export function carrying<T>(appends: () => readonly StreamAppend[], call: () => Promise<T>): Promise<T> {
  if (!isTracing() && !isMetering()) return call();
  const carried = appends();
  const events = carried.reduce((sum, append) => sum + append.events.length, 0);
  record('concord.append.batch.appends', carried.length, SYSTEM);
  record('concord.append.batch.events', events, SYSTEM);
  const traced = carried.flatMap((append) => append.traced ?? []);
  const [only] = traced;
  if (!only) return call();
  if (carried.length === 1) return within(contextOf(only), call);
  return inSpan(
    () => ({
      span: 'append batch',
      target: 'concord.events',
      parent: contextOf({}),
      links: linksTo(traced),
      attributes: {
        ...SYSTEM,
        'db.operation.name': 'append_batch',
        'db.collection.name': 'concord.events',
        'db.operation.batch.size': carried.length,
      },
    }),
    call,
  );
}

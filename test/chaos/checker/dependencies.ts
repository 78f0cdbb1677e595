// Which transaction has to come before which, as the data has it: who wrote the next version (ww), who read a version (wr),
// who replaced what was read (rw, the anti-dependency).
import type { Key, Transaction } from './history.js';
import type { KeyVersions, Versions } from './versions.js';

/** Its transaction comes before `to`, because of an element of a key. */
export interface Dependency {
  readonly to: Transaction;
  readonly kind: 'ww' | 'wr' | 'rw';
  readonly key: Key;
  /** What was appended next (ww, rw), or read (wr); of ww undefined when nobody read what came next. */
  readonly element: number | undefined;
}

/**
 * What follows from the data that a transaction touched. Left out, because they can be many: anti-dependencies on those whose
 * appends nobody read, of those who read all that was ever read.
 */
export function dependenciesOf(from: Transaction, versions: Versions): Dependency[] {
  const found = [...ofAppends(from, versions), ...ofReads(from, versions)];
  return found.filter(({ to }) => to !== from);
}

/** Those who read all that was ever read of a key, before what nobody read was appended. */
export function lastReadersOf({ order, reads }: KeyVersions): readonly Transaction[] {
  return reads[order.length] ?? [];
}

function* ofAppends(from: Transaction, versions: Versions): Generator<Dependency> {
  for (const [what, key, element] of from.steps) {
    const known = what === 'append' ? versions.keys.get(key) : undefined;
    const place = known?.places.get(element as number);
    if (!known || place === undefined) continue;
    for (const to of known.reads[place + 1] ?? []) yield { to, kind: 'wr', key, element: element as number };
    yield* overwritten(known, place, versions);
  }
}

function* overwritten(known: KeyVersions, place: number, versions: Versions): Generator<Dependency> {
  const { key, unread } = known;
  const next = nextAppend(known, place + 1, versions);
  if (next) yield { ...next, kind: 'ww', key };
  else for (const to of unread) yield { to, kind: 'ww', key, element: undefined };
}

function* ofReads(from: Transaction, versions: Versions): Generator<Dependency> {
  for (const { key, length } of versions.readsOf(from)) {
    const known = versions.keys.get(key);
    const next = known && nextAppend(known, length, versions);
    if (next) yield { ...next, kind: 'rw', key };
  }
}

interface Append {
  readonly to: Transaction;
  readonly element: number;
}

/** The first append at that place or later by somebody who has committed. */
function nextAppend({ order, writers }: KeyVersions, place: number, versions: Versions): Append | undefined {
  for (let at = place; at < order.length; at += 1) {
    const element = order[at] ?? NaN;
    const to = writers.get(element);
    if (to && versions.hasCommitted(to)) return { to, element };
  }
  return undefined;
}

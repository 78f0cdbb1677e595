// What single reads give away, before any order of transactions is looked at.
import type { Anomaly, AnomalyType } from './anomaly.js';
import type { Key, Transaction } from './history.js';
import { listed, named } from './texts.js';
import { isInOrder, type KeyVersions, type Read, type Versions } from './versions.js';

/** Dirty and intermediate reads, elements from nowhere or there twice, lists that are no beginning of each other, lost updates. */
export function anomaliesOfReads(versions: Versions): Anomaly[] {
  const found = versions.reads.flatMap((read) => {
    const key = versions.keys.get(read.key);
    return key ? [...ofElements(read, key), ...intermediate(read, key), ...outOfOrder(read, key)] : [];
  });
  const transactions = new Set(versions.reads.map(({ reader }) => reader));
  return [...found, ...[...transactions].flatMap(internal), ...lostUpdates(versions)];
}

function ofElements(read: Read, { writers }: KeyVersions): Anomaly[] {
  const { reader, key, elements } = read;
  const seen = new Set<number>();
  return elements.flatMap((element) => {
    const writer = writers.get(element);
    const isTwice = seen.has(element);
    seen.add(element);
    if (isTwice) return anomaly('duplicate-elements', [reader], `read ${key} with ${element} in it more than once`);
    if (!writer) return anomaly('garbage-read', [reader], `read ${element} in ${key}, which nobody appended`);
    if (writer.outcome !== 'fail') return [];
    return anomaly('G1a', [reader, writer], `read ${element} in ${key}, of ${named(writer)}, which had failed`);
  });
}

/** The last element of others that was read has to be the last that its writer appended. */
function intermediate({ reader, key, elements, length }: Read, { writers, finals }: KeyVersions): Anomaly[] {
  const last = elements[length - 1];
  const writer = last === undefined ? undefined : writers.get(last);
  const final = writer && finals.get(writer);
  if (!writer || writer === reader || final === last) return [];
  return anomaly(
    'G1b',
    [reader, writer],
    `read ${key} up to ${last}, in the middle of ${named(writer)}, which went on to append ${final}`,
  );
}

function outOfOrder({ reader, key, elements }: Read, versions: KeyVersions): Anomaly[] {
  if (isInOrder(versions, elements)) return [];
  const { order, orderedBy } = versions;
  const by = [reader, ...(orderedBy ? [orderedBy] : [])] as const;
  const other = orderedBy ? ` where ${named(orderedBy)} read ${listed(order)}` : '';
  return anomaly('incompatible-order', by, `read ${key} as ${listed(elements)}${other}`);
}

/** A transaction has to find what it found before, with what it appended since. */
function internal(transaction: Transaction): Anomaly[] {
  const known = new Map<Key, { readonly elements: readonly number[]; readonly isWhole: boolean }>();
  return transaction.steps.flatMap(([what, key, value]) => {
    const { elements, isWhole } = known.get(key) ?? { elements: [], isWhole: false };
    if (what === 'append') {
      known.set(key, { elements: [...elements, value], isWhole });
      return [];
    }
    if (value === null) return [];
    known.set(key, { elements: value, isWhole: true });
    const expected = isWhole ? value : value.slice(value.length - elements.length);
    if (elements.join() === expected.join() && (isWhole || value.length >= elements.length)) return [];
    const due = `${isWhole ? '' : '... and then '}${listed(elements)}`;
    return anomaly('internal', [transaction], `read ${key} as ${listed(value)}, where it knew of ${due}`);
  });
}

/** Two that found the same version of a key, and both appended to it. */
function lostUpdates({ reads, keys }: Versions): Anomaly[] {
  const first = new Map<string, Transaction>();
  return reads.flatMap(({ reader, key, elements, isBeforeAppends }) => {
    if (!isBeforeAppends || !keys.get(key)?.finals.has(reader)) return [];
    const version = JSON.stringify([key, elements]);
    const other = first.get(version) ?? reader;
    first.set(version, other);
    if (other === reader) return [];
    const found = listed(elements);
    return anomaly(
      'lost-update',
      [other, reader],
      `read ${key} as ${found}, as ${named(other)} did, and both appended`,
    );
  });
}

function anomaly(type: AnomalyType, transactions: readonly [Transaction, ...Transaction[]], what: string): Anomaly[] {
  const operations = transactions.map(({ index }) => index);
  return [{ type, operations, text: `${named(transactions[0])} ${what}` }];
}

// The versions that each key went through. Appending to lists gives the order away: a read shows all elements before it, so
// the longest read is the history of its key, and every other read has to be its beginning.
import { HistoryInvalid, type Key, type Step, type Transaction } from './history.js';

/** A read as its transaction found the key: its own appends are left out. */
export interface Read {
  readonly reader: Transaction;
  readonly key: Key;
  /** As it was read, own appends included. */
  readonly elements: readonly number[];
  /** How many elements of others it begins with. */
  readonly length: number;
  /** Whether the transaction had not yet appended to the key. */
  readonly isBeforeAppends: boolean;
}

/** What is known of one key. */
export interface KeyVersions {
  readonly key: Key;
  /** The longest read, and who made it. */
  order: readonly number[];
  orderedBy: Transaction | undefined;
  readonly places: Map<number, number>;
  readonly writers: Map<number, Transaction>;
  /** The last element that a transaction appended to this key. */
  readonly finals: Map<Transaction, number>;
  /** Reads that agree with the order, by how many elements they found. */
  readonly reads: Transaction[][];
  /** Those that committed and whose element nobody read: they come after all that was read. */
  readonly unread: Transaction[];
}

export interface Versions {
  readonly keys: ReadonlyMap<Key, KeyVersions>;
  /** Those of answered transactions. */
  readonly reads: readonly Read[];
  /** The reads of a transaction that agree with the order of their keys. */
  readsOf(transaction: Transaction): readonly Read[];
  /** Whether a transaction has taken effect: it was answered, or something of it was read. */
  hasCommitted(transaction: Transaction): boolean;
}

/** Errors: HistoryInvalid, when an element was appended to a key twice: nobody could tell which of them was read. */
export function versionsOf(transactions: readonly Transaction[]): Versions {
  const keys = new Map<Key, KeyVersions>();
  for (const transaction of transactions) {
    for (const [what, key, element] of transaction.steps) {
      const versions = keys.get(key) ?? newKey(key);
      keys.set(key, versions);
      if (what === 'r') continue;
      if (versions.writers.has(element))
        throw new HistoryInvalid(`${element} is appended to ${key} by two transactions`);
      versions.writers.set(element, transaction);
      versions.finals.set(transaction, element);
    }
  }
  const reads = transactions.filter(({ outcome }) => outcome === 'ok').flatMap(readsOf);
  for (const read of reads) takeLongest(keys.get(read.key), read);
  const committed = committedOf(transactions, keys);
  for (const versions of keys.values()) place(versions, committed);
  const inOrder = Map.groupBy(
    reads.filter((read) => takeRead(keys.get(read.key), read)),
    ({ reader }) => reader,
  );
  return {
    keys,
    reads,
    readsOf: (transaction) => inOrder.get(transaction) ?? [],
    hasCommitted: (transaction) => committed.has(transaction),
  };
}

/** Whether the read is a beginning of what others read. */
export function isInOrder({ order }: KeyVersions, elements: readonly number[]): boolean {
  return elements.length <= order.length && elements.every((element, index) => element === order[index]);
}

function newKey(key: Key): KeyVersions {
  const [order, reads, unread] = [[], [], []];
  return { key, order, orderedBy: undefined, places: new Map(), writers: new Map(), finals: new Map(), reads, unread };
}

function readsOf(reader: Transaction): Read[] {
  const own = new Map<Key, Set<number>>();
  return reader.steps.flatMap((step: Step) => {
    const [what, key, value] = step;
    if (what === 'append') {
      own.set(key, (own.get(key) ?? new Set()).add(value));
      return [];
    }
    if (value === null) return [];
    let { length } = value;
    while (length > 0 && own.get(key)?.has(value[length - 1] ?? NaN)) length -= 1;
    return [{ reader, key, elements: value, length, isBeforeAppends: !own.has(key) }];
  });
}

function takeLongest(versions: KeyVersions | undefined, { elements, reader }: Read): void {
  if (!versions || elements.length <= versions.order.length) return;
  versions.order = elements;
  versions.orderedBy = reader;
}

function committedOf(
  transactions: readonly Transaction[],
  keys: ReadonlyMap<Key, KeyVersions>,
): ReadonlySet<Transaction> {
  const committed = new Set(transactions.filter(({ outcome }) => outcome === 'ok'));
  for (const { order, writers } of keys.values()) {
    for (const element of order) {
      const writer = writers.get(element);
      if (writer && writer.outcome !== 'fail') committed.add(writer);
    }
  }
  return committed;
}

function place(versions: KeyVersions, committed: ReadonlySet<Transaction>): void {
  versions.order.forEach((element, index) => {
    if (!versions.places.has(element)) versions.places.set(element, index);
  });
  const unread = [...versions.writers].filter(([element, by]) => !versions.places.has(element) && committed.has(by));
  versions.unread.push(...new Set(unread.map(([, by]) => by)));
}

function takeRead(versions: KeyVersions | undefined, { elements, length, reader }: Read): boolean {
  if (!versions || !isInOrder(versions, elements)) return false;
  const readers = (versions.reads[length] ??= []);
  if (readers.at(-1) !== reader) readers.push(reader);
  return true;
}

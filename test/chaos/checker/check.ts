// Is a history strictly serializable? Pure: from transactions to a verdict that people can read.
import { type Anomaly, cycleType, type Verdict } from './anomaly.js';
import { checkBank, type BankOptions } from './bank.js';
import { graphOf } from './build-graph.js';
import { cyclesOf, type FoundCycle } from './cycles.js';
import { dependenciesOf, lastReadersOf } from './dependencies.js';
import type { Kind } from './graph.js';
import { HistoryInvalid, type Line, operationsOf, type Transaction, transactionsOf } from './history.js';
import { anomaliesOfReads } from './reads.js';
import { described, named, seconds } from './texts.js';
import { type Versions, versionsOf } from './versions.js';

const CHECKED: ReadonlySet<string> = new Set(['txn', 'transfer', 'read']);

/** Checks what is in it: transactions over lists, and a bank's transfers and audits. Errors: HistoryInvalid. */
export function checkHistory(lines: readonly Line[], bank: BankOptions = {}): Verdict {
  const operations = operationsOf(lines);
  const strange = operations.find(({ f }) => !CHECKED.has(f));
  if (strange) throw new HistoryInvalid(`nobody here can check "${strange.f}": f is ${[...CHECKED].join(', ')}`);
  const [lists, accounts] = [checkLists(transactionsOf(operations)), checkBank(operations, bank)];
  return {
    anomalies: [...lists.anomalies, ...accounts.anomalies],
    counts: { ...lists.counts, ...accounts.counts },
  };
}

/** Checks transactions that append to lists and read them. Errors: HistoryInvalid. */
export function checkLists(transactions: readonly Transaction[]): Verdict {
  const versions = versionsOf(transactions);
  const committed = transactions.filter((transaction) => versions.hasCommitted(transaction));
  const cycles = cyclesOf(graphOf(committed, versions));
  const of = (outcome: Transaction['outcome']): number => transactions.filter((one) => one.outcome === outcome).length;
  return {
    anomalies: [...anomaliesOfReads(versions), ...cycles.map((cycle) => new Told(committed, versions).anomaly(cycle))],
    counts: {
      transactions: transactions.length,
      'transactions ok': of('ok'),
      'transactions failed': of('fail'),
      'transactions without answer': of('info'),
      'of those seen to have happened': committed.length - of('ok'),
      keys: versions.keys.size,
      'elements read': versions.reads.reduce((sum, { elements }) => sum + elements.length, 0),
    },
  };
}

/** A cycle in words. */
class Told {
  constructor(
    private readonly transactions: readonly Transaction[],
    private readonly versions: Versions,
  ) {}

  anomaly({ cycle, order, hops }: FoundCycle): Anomaly {
    const around = hops.flatMap(({ from, kind }) => {
      const transaction = this.transactions[from];
      return transaction ? [{ transaction, kind }] : [];
    });
    const lines = around.map(({ transaction, kind }, index) => {
      const next = around[(index + 1) % around.length]?.transaction;
      return next ? `  ${this.reason(transaction, next, kind)}` : '';
    });
    const inOrder = around.map(({ transaction }) => transaction).toSorted((a, b) => a.index - b.index);
    return {
      type: cycleType(cycle, order),
      operations: around.map(({ transaction }) => transaction.index),
      text: [
        `a cycle of ${around.length} transactions`,
        ...inOrder.map((transaction) => `  ${described(transaction)}`),
        ...lines,
      ].join('\n'),
    };
  }

  private reason(from: Transaction, to: Transaction, kind: Kind): string {
    const before = `${named(from)} is before ${named(to)} (${kind}):`;
    if (kind === 'process') return `${before} process ${from.process} did the one after the other`;
    if (kind === 'realtime') {
      return `${before} it had ended at ${seconds(from.completed ?? 0)}, and the other began at ${seconds(to.invoked)}`;
    }
    const dependency = dependenciesOf(from, this.versions).find((one) => one.to === to && one.kind === kind);
    const { key, element } = dependency ?? this.unread(from, to);
    const what = element ?? 'what nobody read';
    if (kind === 'ww') return `${before} it appended to ${key} before ${named(to)} appended ${what}`;
    if (kind === 'wr') return `${before} it appended ${what} to ${key}, which ${named(to)} read`;
    return `${before} it read ${key} before ${named(to)} appended ${what}`;
  }

  private unread(from: Transaction, to: Transaction): { key: string | number; element: number | undefined } {
    const all = [...this.versions.keys.values()];
    const known = all.find((one) => one.unread.includes(to) && lastReadersOf(one).includes(from));
    return { key: known?.key ?? '?', element: known?.finals.get(to) };
  }
}

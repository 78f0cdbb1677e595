// All dependencies of a history as one graph: those of the data, those of processes, and those of time.
import { dependenciesOf, lastReadersOf } from './dependencies.js';
import { Graph, KINDS, ONWARDS } from './graph.js';
import type { Transaction } from './history.js';
import type { KeyVersions, Versions } from './versions.js';

/** `transactions`: those that have committed, in the order of their beginnings. Each is the node of its place. */
export function graphOf(transactions: readonly Transaction[], versions: Versions): Graph {
  const nodes = new Map(transactions.map((transaction, node) => [transaction, node]));
  return new Building(transactions, versions, (transaction) => nodes.get(transaction) ?? -1).all();
}

class Building {
  private readonly graph: Graph;

  constructor(
    private readonly transactions: readonly Transaction[],
    private readonly versions: Versions,
    private readonly nodeOf: (transaction: Transaction) => number,
  ) {
    this.graph = new Graph(transactions.length);
  }

  all(): Graph {
    for (const from of this.transactions) {
      for (const { to, kind } of dependenciesOf(from, this.versions)) this.add(from, to, KINDS[kind]);
    }
    for (const known of this.versions.keys.values()) if (known.unread.length > 0) this.addUnread(known);
    this.addProcesses();
    this.addTime();
    return this.graph;
  }

  private add(from: Transaction, to: Transaction, kind: number): void {
    this.graph.add(this.nodeOf(from), this.nodeOf(to), kind);
  }

  /** Whoever read all that was ever read comes before those whose appends nobody read: by one node between all of them. */
  private addUnread(known: KeyVersions): void {
    const end = this.graph.addNode();
    for (const writer of known.unread) this.graph.add(end, this.nodeOf(writer), ONWARDS);
    const unread = new Set(known.unread);
    for (const reader of lastReadersOf(known)) {
      if (!unread.has(reader)) this.graph.add(this.nodeOf(reader), end, KINDS.rw);
      else for (const writer of unread) this.add(reader, writer, KINDS.rw);
    }
  }

  private addProcesses(): void {
    const last = new Map<string | number, Transaction>();
    for (const transaction of this.transactions) {
      const before = last.get(transaction.process);
      if (before) this.add(before, transaction, KINDS.process);
      // One that was never answered may take effect after what its process did next.
      if (transaction.completed !== undefined) last.set(transaction.process, transaction);
    }
  }

  /**
   * Time is a chain of moments, one for each answer: a transaction leads to the moment of its answer, and the last moment
   * before it began leads to it. So there is a path between two exactly when the one had ended before the other began, and
   * there are as many edges as transactions, not as pairs of them.
   */
  private addTime(): void {
    const { graph, nodeOf } = this;
    const answered = this.transactions.flatMap((one) =>
      one.completed === undefined ? [] : [{ one, at: one.completed }],
    );
    answered.sort((a, b) => a.at - b.at);
    let next = 0;
    let moment: number | undefined;
    for (const transaction of this.transactions.toSorted((a, b) => a.invoked - b.invoked)) {
      for (let ended = answered[next]; ended && ended.at < transaction.invoked; ended = answered[(next += 1)]) {
        const later = graph.addNode();
        if (moment !== undefined) graph.add(moment, later, KINDS.realtime);
        graph.add(nodeOf(ended.one), later, KINDS.realtime);
        moment = later;
      }
      if (moment !== undefined) graph.add(moment, nodeOf(transaction), KINDS.realtime);
    }
  }
}

// A directed graph whose edges have a kind. Its nodes are numbers: the transactions, and behind them nodes that stand for
// no transaction, which save edges from each to each.

/** Write to write, write to read, read to write (an anti-dependency), the order of a process, and that of time. */
export const KINDS = { ww: 1, wr: 2, rw: 4, process: 8, realtime: 16 } as const;
export type Kind = keyof typeof KINDS;
/** The kind of the edges that go on from a node that is no transaction: what came to it goes on, whatever it is. */
export const ONWARDS = 32;

export class Graph {
  private readonly targets: number[][] = [];
  private readonly kinds: number[][] = [];

  /** `transactions`: how many of the nodes are some. */
  constructor(readonly transactions: number) {
    for (let node = 0; node < transactions; node += 1) this.addNode();
  }

  get size(): number {
    return this.targets.length;
  }

  addNode(): number {
    this.targets.push([]);
    return this.kinds.push([]) - 1;
  }

  add(from: number, to: number, kind: number): void {
    if (from === to) return;
    this.targets[from]?.push(to);
    this.kinds[from]?.push(kind);
  }

  isTransaction(node: number): boolean {
    return node < this.transactions;
  }

  targetsOf(node: number): readonly number[] {
    return this.targets[node] ?? [];
  }

  kindsOf(node: number): readonly number[] {
    return this.kinds[node] ?? [];
  }
}

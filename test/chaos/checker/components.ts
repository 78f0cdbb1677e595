// Strongly connected components by Tarjan's algorithm, with a stack of its own: a chain of 100,000 transactions would be too
// deep for that of the language.
import type { Graph } from './graph.js';

/**
 * The components of more than one node, over edges of the kinds in `mask`; with `nodes`, of the part of the graph that they
 * are.
 */
export function componentsOf(graph: Graph, mask: number, nodes?: readonly number[]): number[][] {
  return new Search(graph, mask, nodes && new Set(nodes)).all(nodes);
}

class Search {
  private readonly order: Int32Array;
  private readonly low: Int32Array;
  private readonly onStack: Uint8Array;
  private readonly nextEdge: Int32Array;
  private readonly stack: number[] = [];
  private readonly found: number[][] = [];
  private count = 0;

  constructor(
    private readonly graph: Graph,
    private readonly mask: number,
    private readonly within: ReadonlySet<number> | undefined,
  ) {
    this.order = new Int32Array(graph.size);
    this.low = new Int32Array(graph.size);
    this.nextEdge = new Int32Array(graph.size);
    this.onStack = new Uint8Array(graph.size);
  }

  all(nodes: readonly number[] = Array.from({ length: this.graph.size }, (_, node) => node)): number[][] {
    for (const node of nodes) if (this.order[node] === 0) this.from(node);
    return this.found;
  }

  private from(root: number): void {
    const path = [this.enter(root)];
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      const next = this.next(node);
      if (next !== undefined) {
        path.push(this.enter(next));
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above !== undefined) this.lower(above, at(this.low, node));
      if (this.low[node] === this.order[node]) this.close(node);
    }
  }

  private enter(node: number): number {
    this.count += 1;
    this.order[node] = this.low[node] = this.count;
    this.onStack[node] = 1;
    this.stack.push(node);
    return node;
  }

  /** The next target that was not visited. */
  private next(node: number): number | undefined {
    const targets = this.graph.targetsOf(node);
    const kinds = this.graph.kindsOf(node);
    for (let edge = at(this.nextEdge, node); edge < targets.length; edge += 1) {
      const target = at(targets, edge);
      if ((at(kinds, edge) & this.mask) === 0 || this.within?.has(target) === false) continue;
      if (this.order[target] === 0) {
        this.nextEdge[node] = edge + 1;
        return target;
      }
      if (this.onStack[target] === 1) this.lower(node, at(this.order, target));
    }
    this.nextEdge[node] = targets.length;
    return undefined;
  }

  private lower(node: number, value: number): void {
    if (value < at(this.low, node)) this.low[node] = value;
  }

  private close(root: number): void {
    const component = this.stack.splice(this.stack.lastIndexOf(root));
    for (const node of component) this.onStack[node] = 0;
    if (component.length > 1) this.found.push(component);
  }
}

function at(numbers: ArrayLike<number>, index: number): number {
  return numbers[index] ?? 0;
}

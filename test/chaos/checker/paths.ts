// The shortest way from one node to another, counted in transactions: nodes between them that stand for none cost nothing.
import type { Graph } from './graph.js';

/** An edge as it was walked. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly kind: number;
}

export interface Search {
  readonly from: number;
  readonly to: number;
  /** Over edges of these kinds, */
  readonly mask: number;
  /** between these nodes, */
  readonly within: ReadonlySet<number>;
  /** and with fewer steps from transactions than this, if given. */
  readonly fewerThan?: number | undefined;
}

/** `walked`: how many edges were looked at. */
export interface Found {
  readonly path: readonly Step[] | undefined;
  readonly walked: number;
}

export function shortestPath(graph: Graph, search: Search): Found {
  return new ShortestPath(graph, search).find();
}

class ShortestPath {
  private readonly arrivals = new Map<number, { readonly step: Step | undefined; readonly cost: number }>();
  private walked = 0;

  constructor(
    private readonly graph: Graph,
    private readonly search: Search,
  ) {}

  find(): Found {
    const { from, fewerThan = Infinity } = this.search;
    this.arrivals.set(from, { step: undefined, cost: 0 });
    let level = [from];
    for (let cost = 0; level.length > 0 && cost < fewerThan; cost += 1) {
      const further = this.spread(level, cost);
      if (!further) return { path: this.pathTo(this.search.to), walked: this.walked };
      level = further;
    }
    return { path: undefined, walked: this.walked };
  }

  /** What is reached at one more; undefined when the end is among what is reached at this cost. */
  private spread(level: number[], cost: number): number[] | undefined {
    const further: number[] = [];
    // The level grows while it is walked: by what costs nothing.
    for (const node of level) {
      if (this.arrivals.get(node)?.cost !== cost) continue;
      if (node === this.search.to) return undefined;
      const isFree = !this.graph.isTransaction(node);
      for (const next of this.leave(node, isFree ? cost : cost + 1)) (isFree ? level : further).push(next);
    }
    return further;
  }

  /** The nodes that are reached by it at less cost than before. */
  private leave(from: number, cost: number): number[] {
    const { mask, within } = this.search;
    const kinds = this.graph.kindsOf(from);
    this.walked += kinds.length;
    return this.graph.targetsOf(from).filter((to, edge) => {
      const kind = kinds[edge] ?? 0;
      if ((kind & mask) === 0 || !within.has(to) || cost >= (this.arrivals.get(to)?.cost ?? Infinity)) return false;
      this.arrivals.set(to, { step: { from, to, kind }, cost });
      return true;
    });
  }

  private pathTo(node: number): Step[] {
    const path: Step[] = [];
    for (let step = this.arrivals.get(node)?.step; step; step = this.arrivals.get(step.from)?.step) path.push(step);
    return path.reverse();
  }
}

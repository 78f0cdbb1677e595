// The cycles among dependencies, told apart by what they need: the weakest guarantee that a cycle breaks names it.
import type { Cycle, Order } from './anomaly.js';
import { componentsOf } from './components.js';
import { type Graph, type Kind, KINDS, ONWARDS } from './graph.js';
import { shortestPath, type Step } from './paths.js';

/** From a transaction, by a dependency of that kind, to the transaction of the next hop; from the last to the first. */
export interface Hop {
  readonly from: number;
  readonly kind: Kind;
}

export interface FoundCycle {
  readonly cycle: Cycle;
  readonly order: Order;
  readonly hops: readonly Hop[];
}

const ORDERS: readonly (readonly [Order, number])[] = [
  ['data', ONWARDS],
  ['process', ONWARDS | KINDS.process],
  ['realtime', ONWARDS | KINDS.process | KINDS.realtime],
];
const WRITES = KINDS.ww;
const READS = KINDS.ww | KINDS.wr;
const ALL = KINDS.ww | KINDS.wr | KINDS.rw;
/** The shortest of so many is shown. */
const CANDIDATES = 30;
/** Edges looked at in one component: when no cycle with one anti-dependency was found by then, it is called G2. */
const MOST_WALKED = 20_000_000;
const NAMES: ReadonlyMap<number, Kind> = new Map(Object.entries(KINDS).map(([name, kind]) => [kind, name as Kind]));

/**
 * Of each component one cycle of each kind. Is it one by the data alone, it is not searched again with processes and time;
 * and cycles with several anti-dependencies are named (G2) only where nothing worse was found.
 */
export function cyclesOf(graph: Graph): FoundCycle[] {
  const explained = new Set<number>();
  return ORDERS.flatMap(([order, mask]) => {
    const components = componentsOf(graph, ALL | mask).filter((nodes) => !nodes.some((node) => explained.has(node)));
    return components.flatMap((nodes) => {
      for (const node of nodes) if (graph.isTransaction(node)) explained.add(node);
      return new Component(graph, nodes, mask).cycles().map(({ cycle, hops }) => ({ cycle, order, hops }));
    });
  });
}

class Component {
  private walked = 0;

  constructor(
    private readonly graph: Graph,
    private readonly nodes: readonly number[],
    private readonly order: number,
  ) {}

  cycles(): Omit<FoundCycle, 'order'>[] {
    const worst = [
      ...this.named('G0', this.among(WRITES, 'ww')),
      ...this.named('G1c', this.among(READS, 'wr')),
      ...this.named('G-single', this.closed(this.nodes, READS, 'rw')),
    ];
    const found = worst.length > 0 ? worst : this.named('G2', this.closed(this.nodes, ALL, 'rw'));
    if (found.length === 0)
      throw new Error('unreachable: a component has a cycle, and neither processes nor time alone are one');
    return found;
  }

  private named(cycle: Cycle, steps: readonly Step[] | undefined): Omit<FoundCycle, 'order'>[] {
    return steps ? [{ cycle, hops: this.hopsOf(steps) }] : [];
  }

  /** A cycle over edges of the kinds in `mask` with one of `kind` in it. */
  private among(mask: number, kind: Kind): readonly Step[] | undefined {
    for (const part of componentsOf(this.graph, mask | this.order, this.nodes)) {
      const steps = this.closed(part, mask, kind);
      if (steps) return steps;
    }
    return undefined;
  }

  /** The shortest of some cycles: an edge of `kind`, and a way back over `mask`. */
  private closed(part: readonly number[], mask: number, kind: Kind): readonly Step[] | undefined {
    const within = new Set(part);
    let shortest: readonly Step[] | undefined;
    let length = Infinity;
    let candidates = 0;
    for (const edge of this.edges(part, within, KINDS[kind])) {
      const { from, to } = edge;
      const way = { from: to, to: from, mask: mask | this.order, within, fewerThan: length };
      const { path, walked } = shortestPath(this.graph, way);
      this.walked += walked;
      if (path) {
        shortest = [edge, ...path];
        length = this.hopsOf(path).length;
        candidates += 1;
      }
      if (candidates === CANDIDATES || this.walked > MOST_WALKED) break;
    }
    return shortest;
  }

  private *edges(part: readonly number[], within: ReadonlySet<number>, kind: number): Generator<Step> {
    for (const from of part) {
      const kinds = this.graph.kindsOf(from);
      for (const [edge, to] of this.graph.targetsOf(from).entries()) {
        if (kinds[edge] === kind && within.has(to)) yield { from, to, kind };
      }
    }
  }

  /** What goes on from a node that is no transaction belongs to the step before. */
  private hopsOf(steps: readonly Step[]): Hop[] {
    const hops = steps.filter(({ from }) => this.graph.isTransaction(from));
    return hops.map(({ from, kind }) => ({ from, kind: NAMES.get(kind) ?? 'realtime' }));
  }
}

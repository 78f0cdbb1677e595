// The graph below the checker: components as everybody would find them, and time as all pairs would have it.
import fc from 'fast-check';
import { graphOf } from './build-graph.js';
import { componentsOf } from './components.js';
import { Graph, KINDS } from './graph.js';
import { history } from './histories.js';
import { shortestPath } from './paths.js';
import { versionsOf } from './versions.js';

const EDGES = fc.array(fc.tuple(fc.nat(11), fc.nat(11), fc.constantFrom(KINDS.ww, KINDS.rw)), { maxLength: 40 });

function reachable(graph: Graph, from: number, mask: number): Set<number> {
  const reached = new Set<number>();
  const todo = [from];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    const kinds = graph.kindsOf(node);
    for (const [edge, to] of graph.targetsOf(node).entries()) {
      if ((kinds[edge]! & mask) === 0 || reached.has(to)) continue;
      reached.add(to);
      todo.push(to);
    }
  }
  return reached;
}

function graphWith(nodes: number, edges: readonly (readonly [number, number, number])[]): Graph {
  const graph = new Graph(nodes);
  for (const [from, to, kind] of edges) graph.add(from, to, kind);
  return graph;
}

it('components are the nodes that reach each other over the edges asked for', () => {
  const property = fc.property(EDGES, fc.constantFrom(KINDS.ww, KINDS.ww | KINDS.rw), (edges, mask) => {
    const graph = graphWith(12, edges);
    const reached = Array.from({ length: 12 }, (_, node) => reachable(graph, node, mask));
    const together = (node: number): number[] =>
      Array.from({ length: 12 }, (_, other) => other).filter((to) => reached[node]!.has(to) && reached[to]!.has(node));
    const expected = new Set(
      Array.from({ length: 12 }, (_, node) => together(node).join()).filter((one) => one.includes(',')),
    );
    const found = componentsOf(graph, mask).map((component) => component.toSorted((a, b) => a - b).join());
    expect(found.toSorted()).toEqual([...expected].toSorted());
  });
  fc.assert(property, { numRuns: 500 });
});

it('a circle of 100,000 is one component', () => {
  const circle = Array.from({ length: 100_000 }, (_, node) => [node, (node + 1) % 100_000, KINDS.ww] as const);
  expect(componentsOf(graphWith(100_000, circle), KINDS.ww).map(({ length }) => length)).toEqual([100_000]);
});

it('a path is a shortest one, counted in transactions', () => {
  const graph = graphWith(4, [
    [0, 1, KINDS.ww],
    [1, 2, KINDS.ww],
    [2, 3, KINDS.ww],
  ]);
  const [one, other] = [graph.addNode(), graph.addNode()];
  graph.add(0, one, KINDS.realtime);
  graph.add(one, other, KINDS.realtime);
  graph.add(other, 3, KINDS.realtime);
  const within = new Set([0, 1, 2, 3, one, other]);
  const nodes = (mask: number) => shortestPath(graph, { from: 0, to: 3, mask, within }).path?.map(({ from }) => from);
  expect(nodes(KINDS.ww)).toEqual([0, 1, 2]);
  expect(nodes(KINDS.ww | KINDS.realtime)).toEqual([0, one, other]);
  expect(nodes(KINDS.rw)).toBeUndefined();
});

it('time leads from one transaction to another exactly when the one had ended before the other began', () => {
  const spans = fc.array(fc.tuple(fc.nat(30), fc.option(fc.nat(10))), { minLength: 1, maxLength: 12 });
  const property = fc.property(spans, (all) => {
    const written = all.map(([from, length]) => ({
      steps: [],
      at: length === null ? ([from] as const) : ([from, from + length] as const),
    }));
    const transactions = history(...written);
    const graph = graphOf(transactions, { ...versionsOf(transactions), hasCommitted: () => true });
    for (const [node, { completed = Infinity }] of transactions.entries()) {
      const reached = reachable(graph, node, KINDS.realtime);
      const later = [...transactions.keys()].filter((other) => completed < transactions[other]!.invoked);
      expect([...reached].filter((other) => graph.isTransaction(other)).toSorted()).toEqual(later.toSorted());
    }
  });
  fc.assert(property, { numRuns: 500 });
});

// What holds of all histories, or of as many as there is time for: sound ones are accepted, and whatever is changed in one, or
// wrong with a store, is found.
import fc from 'fast-check';
import type { AnomalyType } from './anomaly.js';
import { checkHistory } from './check.js';
import type { Line, Step } from './history.js';
import { type Simulation, simulated, type Unsoundness, UNSOUNDNESSES } from './simulated-store.js';

const types = (lines: readonly Line[]): AnomalyType[] => [
  ...new Set(checkHistory(lines).anomalies.map(({ type }) => type)),
];

const simulations = fc.record({
  seed: fc.nat(),
  transactions: fc.integer({ min: 1, max: 150 }),
  clients: fc.integer({ min: 1, max: 12 }),
  keys: fc.integer({ min: 1, max: 6 }),
});

/** One transaction after the other, all of them answered, and a last one that reads everything. */
const serial = (seed: number): Line<Step[]>[] =>
  simulated({ seed, transactions: 30, clients: 1, keys: 3, allAnswered: true }) as Line<Step[]>[];

/** A read somewhere in the history of at least so many elements. */
interface Place {
  readonly line: Line<Step[]>;
  readonly index: number;
  readonly elements: readonly number[];
}

function readsWith(lines: readonly Line<Step[]>[], least: number): Place[] {
  return lines
    .filter(({ type }) => type === 'ok')
    .flatMap((line) =>
      line.value.flatMap(([what, , elements], index) =>
        what === 'r' && elements !== null && elements.length >= least ? [{ line, index, elements }] : [],
      ),
    );
}

/** The history with another list in one place. */
function withRead(lines: readonly Line<Step[]>[], { line, index }: Place, elements: readonly number[]): Line[] {
  const value = line.value.map((step, at): Step => (at === index ? ['r', step[1], elements] : step));
  return lines.map((one) => (one === line ? { ...line, value } : one));
}

const CHANGES: Readonly<Record<string, readonly [least: number, change: (elements: readonly number[]) => number[]]>> = {
  'leaves out the first element': [2, (elements) => elements.slice(1)],
  'leaves out the last element': [1, (elements) => elements.slice(0, -1)],
  'changes the order of two': [2, ([first, second, ...others]) => [second!, first!, ...others]],
  'has an element twice': [1, ([first, ...others]) => [first!, first!, ...others]],
  'has an element of nobody': [0, (elements) => [...elements, 1_000_000]],
};

describe('sound histories', () => {
  it('are accepted', () => {
    fc.assert(
      fc.property(simulations, (simulation) => expect(types(simulated(simulation))).toEqual([])),
      { numRuns: 150 },
    );
  });

  it('are accepted in any order of lines that have the same time', () => {
    const all = (simulation: Simulation): Line[] => simulated(simulation).map((line) => ({ ...line, time: 0 }));
    fc.assert(
      fc.property(simulations, (simulation) => expect(types(all(simulation))).toEqual([])),
      { numRuns: 50 },
    );
  });
});

describe('a serial history', () => {
  it.each(Object.entries(CHANGES))('is refused when one read %s', (_, [least, change]) => {
    const seedsAndPlaces = fc.tuple(fc.nat(), fc.nat());
    const property = fc.property(seedsAndPlaces, ([seed, choice]) => {
      const lines = serial(seed);
      const places = readsWith(lines, least);
      const place = places[choice % places.length];
      fc.pre(place !== undefined);
      expect(types(withRead(lines, place, change(place.elements)))).not.toEqual([]);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('is refused when what was read is said to have failed', () => {
    const property = fc.property(fc.nat(), (seed) => {
      const lines = serial(seed);
      const read = new Set(readsWith(lines, 1).flatMap(({ elements }) => elements));
      const answer = lines.find(
        ({ type, value }) => type === 'ok' && value.some(([what, , element]) => what === 'append' && read.has(element)),
      );
      fc.pre(answer !== undefined);
      const changed = lines.map((line) => (line === answer ? { ...line, type: 'fail' as const } : line));
      expect(types(changed)).toContain('G1a');
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('is refused when what was appended and answered is in no read after it', () => {
    const property = fc.property(fc.nat(), (seed) => {
      const lines = serial(seed);
      const last = lines
        .at(-1)!
        .value.flatMap(([, , elements]) => (Array.isArray(elements) ? (elements as number[]) : []));
      const lost = last[seed % last.length];
      fc.pre(lost !== undefined);
      const without = ([what, key, value]: Step): Step =>
        what === 'r' && value !== null
          ? ['r', key, value.filter((element) => element !== lost)]
          : ([what, key, value] as Step);
      const changed = lines.map((line) => (line.type === 'ok' ? { ...line, value: line.value.map(without) } : line));
      const wasAnswered = lines.some(
        ({ type, value }) => type === 'ok' && value.some(([what, , element]) => what === 'append' && element === lost),
      );
      fc.pre(wasAnswered);
      expect(types(changed)).not.toEqual([]);
    });
    fc.assert(property, { numRuns: 50 });
  });
});

const EXPECTED: Readonly<Record<Unsoundness, readonly AnomalyType[]>> = {
  'locks-released-early': ['G2'],
  'reads-without-locks': ['G2'],
  'dirty-appends': ['G1a', 'G1b'],
  'overwritten-appends': ['incompatible-order'],
  'prepare-not-durable': ['G-single'],
  'decision-after-send': ['G-single'],
  'stale-reads': ['G-single-realtime'],
};

describe('an unsound store', () => {
  it.each(UNSOUNDNESSES)('is found out: %s', (unsound) => {
    const property = fc.property(fc.nat(), (seed) => {
      const found = types(simulated({ seed, transactions: 400, clients: 8, keys: 6, unsound }));
      expect(found).toEqual(expect.arrayContaining([...EXPECTED[unsound]]));
    });
    fc.assert(property, { numRuns: 10 });
  });
});

describe('the time it takes', () => {
  it.each([undefined, 'locks-released-early' as const])('is seconds for 10,000 transactions (%s)', (unsound) => {
    const lines = simulated({ seed: 1, transactions: 10_000, clients: 30, keys: 200, ...(unsound && { unsound }) });
    const begun = performance.now();
    const { anomalies, counts } = checkHistory(lines);
    expect(counts['transactions']).toBe(10_001);
    expect(anomalies.length > 0).toBe(unsound !== undefined);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

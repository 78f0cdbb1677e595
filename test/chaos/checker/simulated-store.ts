// Histories of a store that is not there: clients of a store in memory, interleaved by chance from a seed. A sound one, and
// unsound ones, to see what the checker makes of them.
import { Dice } from '../../torture/model.js';
import type { Key, Line, Step } from './history.js';

export type Unsoundness = keyof typeof UNSOUND;

export interface Simulation {
  readonly seed: number;
  readonly transactions: number;
  readonly clients: number;
  readonly keys: number;
  readonly unsound?: Unsoundness;
  /** Nothing fails, and no answer is lost. */
  readonly allAnswered?: boolean;
}

/** A transaction under way. `done`: how many of its steps have been carried out where they are one by one. */
interface Running {
  process: number;
  readonly asked: Step[];
  readonly answer: Step[];
  /** What it found of the keys when it came to them. */
  readonly found: Map<Key, number>;
  isApplied: boolean;
}

type Lists = Map<Key, number[]>;
type Carry = (running: Running, store: SimulatedStore) => 'goes on' | 'ok' | 'fail' | 'info';

/** Each goes wrong in a way of its own. */
const UNSOUND = {
  /** Each step sees what is there at its time; only what is written has to be unchanged in the end. */
  'locks-released-early': (running, store) => stepwise(running, store, () => true),
  /** As above, of keys that are only read. */
  'reads-without-locks': (running, store) =>
    stepwise(running, store, (key) => !running.asked.some(([what, of]) => what === 'append' && of === key)),
  /** What is appended is seen at once, also of those that fail in the end. */
  'dirty-appends': (running, store) => dirty(running, store),
  /** What others appended meanwhile is overwritten. */
  'overwritten-appends': (running, store) => overwriting(running, store),
  /** One of two stores forgets what it prepared, once in a while; the client is told that all is well. */
  'prepare-not-durable': (running, store) => halfway(running, store, 'ok'),
  /** One of two stores was told to commit, and the coordinator died before it wrote its decision down. */
  'decision-after-send': (running, store) => halfway(running, store, 'info'),
  /** Transactions that only read see some time ago. */
  'stale-reads': (running, store) => stale(running, store),
} satisfies Record<string, Carry>;

export const UNSOUNDNESSES = Object.keys(UNSOUND) as Unsoundness[];

/** Ends with one transaction that reads every key. */
export function simulated(simulation: Simulation): Line[] {
  return new SimulatedStore(simulation).run();
}

class SimulatedStore {
  readonly dice: Dice;
  lists: Lists = new Map();
  readonly past: Lists[] = [];
  private readonly lines: Line<Step[]>[] = [];
  private readonly carry: Carry;
  readonly allAnswered: boolean;
  private begun = 0;
  private elements = 0;

  constructor(private readonly simulation: Simulation) {
    this.dice = new Dice(simulation.seed);
    this.allAnswered = simulation.allAnswered ?? false;
    this.carry = simulation.unsound ? UNSOUND[simulation.unsound] : sound;
  }

  run(): Line[] {
    const { clients, transactions, keys } = this.simulation;
    const running: (Running | undefined)[] = Array.from({ length: clients }, () => undefined);
    const processes = running.map((_, client) => client);
    while (this.begun < transactions || running.some((one) => one !== undefined)) {
      const client = this.dice.below(clients);
      const one = running[client];
      if (!one) {
        if (this.begun < transactions) running[client] = this.begin(processes[client] ?? 0, this.steps());
        continue;
      }
      const came = this.carry(one, this);
      if (came === 'goes on') continue;
      this.write(one, came, came === 'ok' ? one.answer : one.asked);
      running[client] = undefined;
      // A process that does not know what became of its transaction is heard of no more.
      if (came === 'info') processes[client] = (processes[client] ?? 0) + clients;
    }
    const all = Array.from({ length: keys }, (_, key): Step => ['r', key, null]);
    const last = this.begin(1_000_000, all);
    this.read(last, this.lists);
    this.write(last, 'ok', last.answer);
    return this.lines;
  }

  valueOf(key: Key): number[] {
    return this.lists.get(key) ?? [];
  }

  append(key: Key, ...elements: number[]): void {
    this.past.push(new Map(this.lists));
    this.lists.set(key, [...this.valueOf(key), ...elements]);
  }

  /** Carries out all that is left to do, at once. */
  read({ asked, answer }: Running, lists: Lists): void {
    const own = new Map<Key, number[]>();
    for (const step of asked) {
      const [what, key, element] = step;
      if (what === 'append') own.set(key, [...(own.get(key) ?? []), element]);
      answer.push(what === 'append' ? step : ['r', key, [...(lists.get(key) ?? []), ...(own.get(key) ?? [])]]);
    }
  }

  private begin(process: number, asked: Step[]): Running {
    this.begun += 1;
    const running: Running = { process, asked, answer: [], found: new Map(), isApplied: false };
    this.write(running, 'invoke', asked);
    return running;
  }

  private steps(): Step[] {
    return Array.from({ length: 1 + this.dice.below(4) }, (): Step => {
      const key = this.dice.below(this.simulation.keys);
      return this.dice.below(2) === 0 ? ['r', key, null] : ['append', key, (this.elements += 1)];
    });
  }

  private write({ process }: Running, type: Line['type'], value: Step[]): void {
    this.lines.push({ process, type, time: this.lines.length * 1000, f: 'txn', value });
  }
}

const appendsOf = ({ asked }: Running): [Key, number][] =>
  asked.flatMap(([what, key, element]): [Key, number][] => (what === 'append' ? [[key, element]] : []));

/** All of it at one moment between its beginning and its end; some fail, and of some the answer is lost. */
const sound: Carry = (running, store) => {
  if (running.isApplied) return 'ok';
  const fate = store.allAnswered ? 3 : store.dice.below(20);
  if (fate === 0) return 'fail';
  // Lost on the way there, or on the way back.
  if (fate === 1) return 'info';
  store.read(running, store.lists);
  for (const [key, element] of appendsOf(running)) store.append(key, element);
  running.isApplied = true;
  return fate === 2 ? 'info' : 'goes on';
};

function stepwise(running: Running, store: SimulatedStore, seesNow: (key: Key) => boolean): ReturnType<Carry> {
  const { asked, answer, found } = running;
  const step = asked[answer.length];
  if (step) {
    const [what, key] = step;
    if (!found.has(key)) found.set(key, store.valueOf(key).length);
    const own = asked.slice(0, answer.length).flatMap(([w, k, e]) => (w === 'append' && k === key ? [e] : []));
    const seen = store.valueOf(key).slice(0, found.get(key));
    answer.push(what === 'append' ? step : ['r', key, [...seen, ...own]]);
    return 'goes on';
  }
  const written = new Set(appendsOf(running).map(([key]) => key));
  const checked = [...found.keys()].filter((key) => written.has(key) || !seesNow(key));
  if (checked.some((key) => store.valueOf(key).length !== found.get(key))) return 'fail';
  for (const [key, element] of appendsOf(running)) store.append(key, element);
  return 'ok';
}

function dirty(running: Running, store: SimulatedStore): ReturnType<Carry> {
  const { asked, answer } = running;
  const step = asked[answer.length];
  if (!step) {
    if (store.dice.below(4) > 0) return 'ok';
    const own = new Set(appendsOf(running).map(([, element]) => element));
    for (const [key, list] of store.lists) {
      store.lists.set(
        key,
        list.filter((element) => !own.has(element)),
      );
    }
    return 'fail';
  }
  const [what, key, element] = step;
  if (what === 'append') store.append(key, element);
  answer.push(what === 'append' ? step : ['r', key, store.valueOf(key)]);
  return 'goes on';
}

function overwriting(running: Running, store: SimulatedStore): ReturnType<Carry> {
  if (running.answer.length === 0) {
    store.read(running, store.lists);
    for (const [, key] of running.asked) running.found.set(key, store.valueOf(key).length);
    return 'goes on';
  }
  const before = new Map([...running.found].map(([key, length]) => [key, store.valueOf(key).slice(0, length)]));
  for (const [key, element] of appendsOf(running)) before.get(key)?.push(element);
  for (const [key] of appendsOf(running)) store.lists.set(key, before.get(key) ?? []);
  return 'ok';
}

/** Keys are in two stores. */
function halfway(running: Running, store: SimulatedStore, told: 'ok' | 'info'): ReturnType<Carry> {
  if (running.isApplied) return 'ok';
  store.read(running, store.lists);
  const half = store.dice.below(10) === 0;
  for (const [key, element] of appendsOf(running)) if (!half || Number(key) % 2 === 0) store.append(key, element);
  running.isApplied = true;
  return half ? told : 'goes on';
}

function stale(running: Running, store: SimulatedStore): ReturnType<Carry> {
  if (running.isApplied) return 'ok';
  const appends = appendsOf(running);
  const then = store.past.at(-1 - store.dice.below(10));
  store.read(running, appends.length === 0 ? (then ?? store.lists) : store.lists);
  for (const [key, element] of appends) store.append(key, element);
  running.isApplied = true;
  return 'goes on';
}

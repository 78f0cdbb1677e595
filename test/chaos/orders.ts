// What a client asks for: transactions over lists, transfers and audits. Made by chance from a seed, so that several clients
// meet on few keys.
import type { Key, Step } from './checker/history.js';
import type { Dice } from '../torture/model.js';

interface Ordered {
  /** The id of its command. */
  readonly id: string;
  /** Loads one aggregate after the other, in any order: deadlocks are welcome, now and then. Else all at once. */
  readonly isStepwise: boolean;
  /** How long it thinks between loading and deciding. */
  readonly pauseMs: number;
}

export interface ListOrder extends Ordered {
  readonly f: 'txn';
  readonly steps: readonly Step[];
  /** It refuses in the end, whatever it found: nothing of it may ever be seen. */
  readonly isRefused: boolean;
}

export interface TransferOrder extends Ordered {
  readonly f: 'transfer';
  readonly from: string;
  readonly to: string;
  readonly amount: number;
}

export interface AuditOrder extends Ordered {
  readonly f: 'read';
}

/** Money from outside, before everything begins. */
export interface DepositOrder extends Ordered {
  readonly f: 'deposit';
  readonly to: string;
  readonly amount: number;
}

export type Order = ListOrder | TransferOrder | AuditOrder | DepositOrder;

export const ACCOUNTS: readonly string[] = Array.from({ length: 6 }, (_, index) => `a${index}`);
export const OPENING_BALANCE = 100;
export const TOTAL = ACCOUNTS.length * OPENING_BALANCE;

const SLOTS_A_STORE = 8;
/** From then on a slot has its next key: reads stay short, and the history small. */
const MOST_ELEMENTS = 40;

/** A key: the slot says in which store it is, the generation how many there were before it in that slot. */
export const keyOf = (slot: number, generation: number): string => `k${slot}g${generation}`;
export const storeOf = (key: Key, stores: number): number => slotOf(key) % stores;
const slotOf = (key: Key): number => Number(/^k(\d+)g/.exec(String(key))?.[1]);

/** The keys in use. */
export class Keys {
  private readonly generations: number[];

  constructor(
    readonly stores: number,
    generations: readonly number[] = [],
  ) {
    this.generations = Array.from({ length: stores * SLOTS_A_STORE }, (_, slot) => generations[slot] ?? 0);
  }

  get all(): readonly number[] {
    return this.generations;
  }

  /** The first slots more often than the last ones; in one store, if given. */
  any(dice: Dice, store?: number): string {
    const place = dice.below(1 + dice.below(SLOTS_A_STORE));
    const slot = place * this.stores + (store ?? dice.below(this.stores));
    return keyOf(slot, this.generations[slot] ?? 0);
  }

  /** Whether a key was found full, and its slot has another one now. */
  found(key: Key, elements: number): boolean {
    const slot = slotOf(key);
    const generation = this.generations[slot] ?? 0;
    if (elements < MOST_ELEMENTS || key !== keyOf(slot, generation)) return false;
    this.generations[slot] = generation + 1;
    return true;
  }
}

export interface OrderOptions {
  readonly dice: Dice;
  readonly keys: Keys;
  /** Of the worker: what it appends and how its commands are called is its own. */
  readonly worker: number;
  /** Whether a transaction may reach over several stores. */
  readonly isDistributed: boolean;
}

/** The orders of one worker, without end. */
export class Orders {
  private count = 0;

  constructor(private readonly options: OrderOptions) {}

  next(): Order {
    const { dice } = this.options;
    const kind = dice.below(10);
    if (kind === 0) return { ...this.ordered(), f: 'read' };
    if (kind === 1) return this.transfer();
    return { ...this.ordered(), f: 'txn', steps: this.steps(), isRefused: dice.below(40) === 0 };
  }

  private ordered(): Ordered {
    const { dice, worker } = this.options;
    const id = `chaos-${worker}-${(this.count += 1)}`;
    return { id, isStepwise: dice.below(16) === 0, pauseMs: dice.below(8) === 0 ? dice.below(10) : 0 };
  }

  private transfer(): TransferOrder {
    const { dice } = this.options;
    const from = dice.of(ACCOUNTS);
    const to = dice.of(ACCOUNTS.filter((account) => account !== from));
    return { ...this.ordered(), f: 'transfer', from, to, amount: 1 + dice.below(OPENING_BALANCE) };
  }

  private steps(): Step[] {
    const { dice, keys, worker, isDistributed } = this.options;
    const store = isDistributed ? undefined : dice.below(keys.stores);
    const most = dice.below(3) === 0 ? 1 : 3;
    const chosen = Array.from({ length: most }, () => keys.any(dice, store));
    return Array.from({ length: 1 + dice.below(4) }, (_, index): Step => {
      const key = dice.of(chosen);
      // Nobody else's: of this worker, this order, this step.
      const element = (worker * 1_000_000 + this.count + 1) * 8 + index;
      return dice.below(2) === 0 ? ['r', key, null] : ['append', key, element];
    });
  }
}

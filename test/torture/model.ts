// What the processes of the torture test write down for the judge: one JSON line each, written before they go on, so that
// kill -9 takes nothing of it away.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { ReadFeedOptions } from '@concord/event-store';

/** An event that a writer means to append. */
export interface Planned {
  readonly stream: string;
  readonly id: string;
}

/** `begun` before the append is sent; afterwards what the store said of it. No such line: nobody knows. */
export type WriterNote =
  | {
      readonly kind: 'begun';
      readonly op: string;
      readonly what: string;
      readonly at: string;
      readonly events: Planned[];
    }
  | { readonly kind: 'acknowledged'; readonly op: string; readonly at: string; readonly positions: string[] }
  | { readonly kind: 'refused'; readonly op: string; readonly code: string; readonly message: string }
  | { readonly kind: 'unknown'; readonly op: string; readonly code: string; readonly message: string };

/** One reading of the feed from somewhere to somewhere. */
export interface Reading {
  readonly direction: 'forwards' | 'backwards';
  readonly filter: Pick<ReadFeedOptions, 'categories' | 'types' | 'streamPrefixes'>;
  /** Exclusive; forwards it is where the reading began, backwards where it ended. */
  readonly after: string;
  /** Inclusive: everything up to here was read. */
  readonly through: string;
  /** `position id` of each event, in the order in which they were read. */
  readonly events: readonly string[];
  readonly live: boolean;
}

/** Appends lines to a file. */
export class Notes<Note> {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, 'a');
  }

  write(note: Note): void {
    writeSync(this.file, `${JSON.stringify(note)}\n`);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** What a process wrote, without a last line that it was killed in. */
export function readNotes<Note>(path: string): Note[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Note);
}

/** The same for all processes of a machine, and never set back. */
export function now(): string {
  return process.hrtime.bigint().toString();
}

/** Chance from a seed. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  of<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}

export const TENANT = 'torture';
export const CATEGORIES = ['hot', 'order', 'account', 'cart'] as const;
export const TYPES = ['A', 'B', 'C', 'D'] as const;

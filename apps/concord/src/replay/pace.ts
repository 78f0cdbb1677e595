// How fast events are replayed: as they happened, times a factor, or as fast as they are taken.
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { recordedAt, type TenantEvent } from '../event-line.js';

/** Infinity: no pace. */
export type Speed = number;

// A timer has no room for more.
const LONGEST_SLEEP_MS = 2 ** 31 - 1;

/** For commander. */
export function speed(text: string): Speed {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const factor = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (factor > 0) return factor;
  throw new InvalidArgumentError('give a factor above 0, such as 1 (the original pace), 0.5 or 60; or max.');
}

/** Keeps the distances between events: those to the first one, so that delays do not add up. */
export class Pace {
  private begun: { readonly at: number; readonly time: number } | undefined;

  constructor(
    private readonly factor: Speed,
    private readonly stop: AbortSignal,
  ) {}

  /** Milliseconds until an event is due; 0 when it is. */
  until(event: TenantEvent): number {
    if (this.factor === Number.POSITIVE_INFINITY) return 0;
    const time = recordedAt(event);
    this.begun ??= { at: Date.now(), time };
    const due = this.begun.at + (time - this.begun.time) / this.factor;
    return Math.max(0, due - Date.now());
  }

  /** Resolves when it is due, or when it is stopped. */
  async wait(event: TenantEvent): Promise<void> {
    for (let left = this.until(event); left > 0 && !this.stop.aborted; left = this.until(event)) {
      await sleep(Math.min(left, LONGEST_SLEEP_MS), undefined, { signal: this.stop }).catch(() => undefined);
    }
  }
}

// Instances are given back many at a time: one statement, and one commit, for all that were finished while the last was under
// way.
import { TransientConflict } from '@concord/database';
import type { Released } from './process-rows.js';

interface Waiting {
  readonly released: Released;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const TRIES = 5;

export class Releases {
  private waiting: Waiting[] = [];
  private underWay = false;

  constructor(private readonly release: (released: readonly Released[]) => Promise<void>) {}

  /** Resolves when it is given back. Errors: those of the database. */
  add(released: Released): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ released, resolve, reject });
      if (!this.underWay) void this.send();
    });
  }

  private async send(): Promise<void> {
    this.underWay = true;
    // What is finished in the same turn travels along.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const sent = this.waiting;
      this.waiting = [];
      try {
        await this.patiently(sent.map(({ released }) => released));
        for (const { resolve } of sent) resolve();
      } catch (error) {
        for (const { reject } of sent) reject(error);
      }
    }
    this.underWay = false;
  }

  private async patiently(released: readonly Released[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.release(released);
        return;
      } catch (error) {
        if (!(error instanceof TransientConflict) || attempt === TRIES) throw error;
      }
    }
  }
}

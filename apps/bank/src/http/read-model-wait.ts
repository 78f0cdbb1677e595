// Read your own writes: waits until read models show a position that a write answered, up to a bound.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { EventStore } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import { Projections } from '@concord/projections';
import { ReadModelBehind } from './errors.js';
import { HttpSettings } from './settings.js';

const POLL_MS = 25;

@Injectable()
export class ReadModelWait {
  constructor(
    private readonly projections: Projections,
    private readonly store: EventStore,
    private readonly settings: HttpSettings,
  ) {}

  /** Without a position it does not wait. Errors: ReadModelBehind when the time is over. */
  async until(position: GlobalPosition | undefined, ...projections: readonly string[]): Promise<void> {
    if (position === undefined) return;
    const deadline = Date.now() + this.settings.readWait;
    const left = (): number => Math.max(0, deadline - Date.now());
    // An inline projection is never behind its events; nothing is there to be shown before it was appended.
    while ((await this.store.lastPosition()) < position) {
      if (left() === 0) throw new ReadModelBehind(position);
      await sleep(Math.min(POLL_MS, left()));
    }
    for (const projection of projections) {
      if (!(await this.projections.waitFor(projection, position, left()))) throw new ReadModelBehind(position);
    }
  }
}

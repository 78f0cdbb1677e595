// Read your own writes: waits until read models show a position that a write answered, up to a bound.
import { Injectable } from '@nestjs/common';
import type { GlobalPosition } from '@concord/kernel';
import { PositionWaits } from '@concord/projections';
import { ReadModelBehind } from './errors.js';
import { HttpSettings } from './settings.js';

@Injectable()
export class ReadModelWait {
  constructor(
    private readonly waits: PositionWaits,
    private readonly settings: HttpSettings,
  ) {}

  /** Without a position it does not wait. Errors: ReadModelBehind when the time is over. */
  async until(position: GlobalPosition | undefined, ...projections: readonly string[]): Promise<void> {
    if (position === undefined) return;
    const { readWait } = this.settings;
    if (!(await this.waits.until(position, projections, readWait))) throw new ReadModelBehind(position, readWait);
  }
}

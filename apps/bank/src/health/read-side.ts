// Whether what was written reaches its readers: projections move, and the feed flows.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { type FeedHolder, FeedWatch } from '@concord/event-store';
import { Projections } from '@concord/projections';

@Injectable()
export class ReadSide {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly projections: Projections,
    private readonly feed: FeedWatch,
  ) {}

  /** A stream that waits, as that of a parked event does, is told: all others move. */
  projectionsMove() {
    const stuck = this.projections.failures.map(({ error: _, stream: __, ...failure }) => failure);
    const projections = this.indicator.check('projections');
    if (stuck.length === 0) return projections.up();
    const onlyStreams = this.projections.failures.every(({ stream }) => stream !== undefined);
    return onlyStreams ? projections.degraded({ stuck }) : projections.down({ stuck });
  }

  /** Delayed is told, and yet ready: only what has been hidden for too long makes a difference to those who call. */
  async feedFlows(patienceMs: number) {
    const feed = this.indicator.check('feed');
    const late = sleep(patienceMs, undefined, { ref: false });
    const reading = await Promise.race([this.feed.look(), late]).catch(() => undefined);
    if (!reading) return feed.down({ state: 'unknown' });
    const { state, positions, milliseconds, holders } = reading;
    const details = { state, positions: Number(positions), milliseconds, heldBy: holders.map(shown) };
    if (state === 'flowing') return feed.up({ state });
    return state === 'stalled' ? feed.down(details) : feed.degraded(details);
  }
}

/** Statements and stream names are for the log: whoever runs the process may ask for health, and so may others. */
function shown({ pid, prepared, application, state, inStateSince }: FeedHolder): object {
  return { pid, prepared, application, state, since: inStateSince };
}

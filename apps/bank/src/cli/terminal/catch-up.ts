// Waits until the asynchronous projections show everything up to a position.
import type { INestApplicationContext } from '@nestjs/common';
import type { GlobalPosition } from '@concord/kernel';
import { Projections } from '@concord/projections';
import { currentTenant } from '@concord/tenancy';
import { messageOf } from './command-line.js';
import { Progress } from './progress.js';

const PATIENCE_MS = 500;
const MAX_ATTEMPTS = 5;

/** A part of the feed. */
export interface Stretch {
  readonly from: GlobalPosition;
  readonly to: GlobalPosition;
}

/** For the running tenant. Errors: a projection that fails again and again. */
export async function catchUp(app: INestApplicationContext, stretch: Stretch, signal?: AbortSignal): Promise<void> {
  const projections = app.get(Projections, { strict: false });
  for (const { name } of projections.all) {
    if (await projections.waitFor(name, stretch.to, 0)) continue;
    const progress = new Progress(name, 'positions', Number(stretch.to - stretch.from));
    try {
      await follow(projections, name, stretch, { signal, onProgress: (events) => progress.update(events) });
    } finally {
      progress.stop();
    }
  }
}

interface Following {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (events: number) => void;
}

async function follow(
  projections: Projections,
  name: string,
  { from, to }: Stretch,
  { signal, onProgress }: Following,
): Promise<void> {
  while (!(await projections.waitFor(name, to, PATIENCE_MS))) {
    if (signal?.aborted) return;
    refuseFailing(projections, name);
    const position = await projections.position(name);
    if (position > from) onProgress(Number(position - from));
  }
  onProgress(Number(to - from));
}

function refuseFailing(projections: Projections, name: string): void {
  const failure = projections.failureOf(name);
  // What is parked is not tried again by itself.
  if (!failure || (failure.retryAt && failure.attempts < MAX_ATTEMPTS)) return;
  throw new Error(
    `projection ${name} does not move on: ${messageOf(failure.error)}. ` +
      `Repair its projector, then: npm run replay -- --projection ${name} --tenant ${currentTenant()}`,
  );
}

// Waits until the asynchronous projections show everything up to a position.
import type { INestApplicationContext } from '@nestjs/common';
import type { GlobalPosition } from '@concord/kernel';
import { Projections } from '@concord/projections';
import { currentTenant } from '@concord/tenancy';
import { messageOf } from './command-line.js';
import { Progress } from './progress.js';

const STEPS = 50n;
const PATIENCE_MS = 1000;
const MAX_ATTEMPTS = 5;

/** A part of the feed. */
export interface Stretch {
  readonly from: GlobalPosition;
  readonly to: GlobalPosition;
}

/** For the running tenant. Errors: a projection that fails again and again. */
export async function catchUp(app: INestApplicationContext, stretch: Stretch, signal?: AbortSignal): Promise<void> {
  const projections = app.get(Projections, { strict: false });
  for (const { name, consistency } of projections.all) {
    if (consistency === 'inline' || (await projections.waitFor(name, stretch.to, 0))) continue;
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

// A projection can be asked "are you there yet" only, so its way is cut into steps.
async function follow(
  projections: Projections,
  name: string,
  { from, to }: Stretch,
  { signal, onProgress }: Following,
): Promise<void> {
  for (let step = 1n; step <= STEPS; step += 1n) {
    const position = from + ((to - from) * step) / STEPS;
    while (!(await projections.waitFor(name, position, PATIENCE_MS))) {
      if (signal?.aborted) return;
      refuseFailing(projections, name);
    }
    onProgress(Number(position - from));
  }
}

function refuseFailing(projections: Projections, name: string): void {
  const failure = projections.failures.find(
    (each) => each.name.startsWith(`projection:${name}:`) && each.tenantId === currentTenant(),
  );
  if (!failure || failure.attempts < MAX_ATTEMPTS) return;
  throw new Error(
    `projection ${name} does not move on: ${messageOf(failure.error)}. ` +
      `Repair its projector, then: npm run replay -- --projection ${name} --tenant ${currentTenant()}`,
  );
}

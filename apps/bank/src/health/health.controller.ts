// For whoever runs the process: does it live, and can it work?
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { Database } from '@concord/database';
import { type FeedHolder, FeedWatch } from '@concord/event-store';
import { Projections } from '@concord/projections';
import { NotReady } from '../http/errors.js';
import { WithoutTenant } from '../http/tenant-context.interceptor.js';

const PATIENCE_MS = 2_000;

@ApiTags('health')
@WithoutTenant(true)
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly database: Database,
    private readonly projections: Projections,
    private readonly feed: FeedWatch,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'The database answers and is migrated, the feed flows, and no projection is stuck' })
  async ready(): Promise<object> {
    try {
      return await this.health.check([
        () => this.databaseAnswers(),
        () => this.projectionsMove(),
        () => this.feedFlows(),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const { details } = error.getResponse() as { details: Record<string, { status: string }> };
      const down = Object.keys(details).filter((name) => details[name]?.status === 'down');
      throw new NotReady(`not ready: ${down.join(', ')}`, { checks: details });
    }
  }

  private databaseAnswers() {
    // The app starts to listen only after its migrations are done: that the store answers shows both.
    return this.indicator
      .check('database')
      .attempt(async () => {
        await this.database.queryOutside({ text: 'select concord.last_position()' });
      })
      .withTimeout(PATIENCE_MS);
  }

  private projectionsMove() {
    const stuck = this.projections.failures.map(({ name, tenantId, attempts, retryAt }) => ({
      name,
      tenantId,
      attempts,
      retryAt,
    }));
    const projections = this.indicator.check('projections');
    return stuck.length === 0 ? projections.up() : projections.down({ stuck });
  }

  /** Delayed is told, and yet ready: only what has been hidden for too long makes a difference to those who call. */
  private async feedFlows() {
    const check = this.indicator.check('feed');
    const late = sleep(PATIENCE_MS, undefined, { ref: false });
    const reading = await Promise.race([this.feed.look(), late]).catch(() => undefined);
    if (!reading) return check.down({ state: 'unknown' });
    const { state, positions, milliseconds, holders } = reading;
    const details = { state, positions: Number(positions), milliseconds, heldBy: holders.map(shown) };
    if (state === 'flowing') return check.up({ state });
    return state === 'stalled' ? check.down(details) : check.degraded(details);
  }
}

/** Statements and stream names are for the log: whoever runs the process may ask for health, and so may others. */
function shown({ pid, prepared, application, state, inStateSince }: FeedHolder): object {
  return { pid, prepared, application, state, since: inStateSince };
}

// For whoever runs the process: does it live, and can it work?
import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheckService } from '@nestjs/terminus';
import { NotReady } from '../http/errors.js';
import { WithoutTenant } from '../http/tenant-context.interceptor.js';
import { ReadSide } from './read-side.js';
import { WriteSide } from './write-side.js';

const PATIENCE_MS = 2_000;

@ApiTags('health')
@WithoutTenant(true)
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly writeSide: WriteSide,
    private readonly readSide: ReadSide,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'The process answers' })
  live(): { status: string } {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Database and event store answer, the feed flows, and no projection is stuck' })
  async ready(): Promise<object> {
    try {
      return await this.health.check([
        () => this.writeSide.databaseAnswers(PATIENCE_MS),
        ...(this.writeSide.hasEventsElsewhere ? [() => this.writeSide.eventStoreAnswers(PATIENCE_MS)] : []),
        () => this.readSide.projectionsMove(),
        () => this.readSide.feedFlows(PATIENCE_MS),
      ]);
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const { details } = error.getResponse() as { details: Record<string, { status: string }> };
      const down = Object.keys(details).filter((name) => details[name]?.status === 'down');
      throw new NotReady(`not ready: ${down.join(', ')}`, { checks: details });
    }
  }
}

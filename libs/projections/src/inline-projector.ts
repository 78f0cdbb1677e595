// Inline projections: rows change in the very transaction that appends the events.
import { Injectable } from '@nestjs/common';
import { InlineProjections } from '@concord/commanding';
import { Database, loadSql } from '@concord/database';
import { parseStreamName, type RecordedEvent, type StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { projectEvents } from './project-events.js';
import type { ProjectionDefinition } from './projection.js';
import { ProjectionRegistry } from './projection-registry.js';

const lockShared = loadSql(import.meta.url, 'sql/lock-shared.sql');

@Injectable()
export class InlineProjector extends InlineProjections {
  constructor(
    private readonly database: Database,
    private readonly registry: ProjectionRegistry,
  ) {
    super();
  }

  override get isActive(): boolean {
    return this.inline.length > 0;
  }

  override async prepare(streams: readonly StreamName[]): Promise<void> {
    const categories = streams.map((stream) => parseStreamName(stream).category);
    const concerned = this.inline.filter((projection) => projection.categories.some((one) => categories.includes(one)));
    const names = concerned.map((projection) => projection.name);
    if (names.length > 0) await this.database.query(lockShared, [currentTenant(), names]);
  }

  override async project(events: readonly RecordedEvent[]): Promise<void> {
    for (const projection of this.inline) await projectEvents(this.database, projection, events);
  }

  private get inline(): readonly ProjectionDefinition[] {
    return this.registry.all.filter((projection) => projection.consistency === 'inline');
  }
}

// Inline projections: rows change in the very transaction that appends the events. With a store that cannot do that they
// are consumers like the others, and each command waits for them.
import { Injectable, Logger } from '@nestjs/common';
import { InlineProjections } from '@concord/commanding';
import { Database, loadSql } from '@concord/database';
import { EventStore } from '@concord/event-store';
import { type GlobalPosition, parseStreamName, type RecordedEvent, type StreamName } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { projectEvents } from './project-events.js';
import type { ProjectionDefinition } from './projection.js';
import { ProjectionRegistry } from './projection-registry.js';
import { Projections } from './projections.js';

// Longer than a consumer needs, shorter than a caller waits.
const FOLLOW_MS = 5_000;
const lockShared = loadSql(import.meta.url, 'sql/lock-shared.sql');

@Injectable()
export class InlineProjector extends InlineProjections {
  private readonly logger = new Logger(InlineProjector.name);

  constructor(
    private readonly database: Database,
    private readonly registry: ProjectionRegistry,
    private readonly store: EventStore,
    private readonly projections: Projections,
  ) {
    super();
  }

  override get isActive(): boolean {
    return this.store.capabilities.sameTransactionAsReadModels && this.inline.length > 0;
  }

  override async prepare(streams: readonly StreamName[]): Promise<void> {
    const names = this.concernedBy(streams).map((projection) => projection.name);
    if (names.length > 0) await this.database.query(lockShared, [currentTenant(), names]);
  }

  override async project(events: readonly RecordedEvent[]): Promise<void> {
    for (const projection of this.inline) await projectEvents(this.database, projection, events);
  }

  override async follow(events: readonly RecordedEvent[]): Promise<void> {
    if (this.store.capabilities.sameTransactionAsReadModels) return;
    const concerned = this.concernedBy(events.map(({ stream }) => stream));
    const position = events.at(-1)?.globalPosition ?? 0n;
    await Promise.all(concerned.map(({ name }) => this.wait(name, position)));
  }

  private async wait(name: string, position: GlobalPosition): Promise<void> {
    const failure = this.projections.failureOf(name);
    if (!failure && (await this.projections.waitFor(name, position, FOLLOW_MS))) return;
    this.logger.warn({ projection: name, position: position.toString() }, 'a command did not wait for its projection');
  }

  private concernedBy(streams: readonly StreamName[]): ProjectionDefinition[] {
    const categories = streams.map((stream) => parseStreamName(stream).category);
    return this.inline.filter((projection) => projection.categories.some((one) => categories.includes(one)));
  }

  private get inline(): readonly ProjectionDefinition[] {
    return this.registry.all.filter((projection) => projection.consistency === 'inline');
  }
}

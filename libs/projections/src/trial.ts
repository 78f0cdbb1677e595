// A projection replayed where nobody else sees its rows: its projector as it is in this process, with the stored events.
import { type Database, TransactionNeeded } from '@concord/database';
import type { EventStore } from '@concord/event-store';
import type { GlobalPosition, RecordedEvent } from '@concord/kernel';
import { currentTenant } from '@concord/tenancy';
import { projectEvents } from './project-events.js';
import type { ProjectionDefinition } from './projection.js';
import { ProjectorReachesOut } from './projection-errors.js';
import type { RebuildProgress } from './rebuild.js';

const PAGE = 1000;
const SETTLE_MS = 20;

interface TrialSources {
  readonly store: EventStore;
  /** That of everybody. */
  readonly database: Database;
  readonly projection: ProjectionDefinition;
}

export class Trial {
  private position = 0n;
  events = 0;

  constructor(
    private readonly sources: TrialSources,
    private readonly scratch: Database,
    private readonly onProgress: (progress: RebuildProgress) => void,
  ) {}

  /** Projects what is behind the place it has come to, up to `target`, if it is wanted. Errors: the projector's; ProjectorReachesOut. */
  async through(target: GlobalPosition, isWanted: (event: RecordedEvent) => boolean): Promise<void> {
    const { store, projection } = this.sources;
    const { categories, handlers } = projection;
    while (this.position < target) {
      const { events, settled, through } = await store.readFeed({
        after: this.position,
        limit: PAGE,
        categories,
        types: [...handlers.keys()],
      });
      const due = events.filter((event) => event.globalPosition <= target && isWanted(event));
      if (due.length > 0) await this.project(due);
      const reached = settled ?? through;
      // An append that projects nothing may hold the horizon below the target for a moment.
      if (reached === this.position) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      this.position = reached > target ? target : reached;
      this.onProgress({ tenantId: currentTenant(), events: this.events, position: this.position, target });
    }
  }

  private async project(due: readonly RecordedEvent[]): Promise<void> {
    const { scratch } = this;
    const { database, projection } = this.sources;
    try {
      // The projector's own database is closed to it meanwhile: what it did there would be done for everybody.
      await database.tentatively(() => scratch.transaction(() => projectEvents(scratch, projection, due)));
    } catch (error) {
      throw error instanceof TransactionNeeded ? new ProjectorReachesOut(projection.name, error) : error;
    }
    this.events += due.length;
  }
}

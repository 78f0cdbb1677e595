// Applies events to one projection, in order.
import type { Database } from '@concord/database';
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { inSpan } from '@concord/telemetry';
import { currentTenant } from '@concord/tenancy';
import type { ProjectionDefinition } from './projection.js';
import { projectingRows } from './row-scope.js';

/** Events of other categories and types are passed over. The caller has a transaction running. */
export async function projectEvents(
  database: Database,
  projection: ProjectionDefinition,
  events: readonly RecordedEvent[],
): Promise<void> {
  const due = events.filter(
    ({ type, stream }) =>
      projection.handlers.has(type) && projection.categories.includes(parseStreamName(stream).category),
  );
  const named = due.flatMap((event) => projection.rowsOf.get(event.type)?.(event) ?? []);
  const project = (): Promise<void> =>
    projectingRows(
      database,
      async () => {
        for (const event of due) await projection.handlers.get(event.type)?.(event);
      },
      named,
    );
  await inSpan(
    () => ({
      span: 'project',
      target: projection.name,
      attributes: {
        'concord.projection.name': projection.name,
        'concord.event.count': events.length,
        'concord.tenant.id': currentTenant(),
      },
    }),
    project,
  );
}

/** Removes the running tenant's rows of a projection. */
export async function clearRows(database: Database, projection: ProjectionDefinition, tenantId: string): Promise<void> {
  const transaction = database.current;
  if (!transaction) throw new Error('clearRows runs inside a transaction');
  transaction.bePatient();
  for (const row of projection.rows) await transaction.manager.delete(row, { tenantId });
}

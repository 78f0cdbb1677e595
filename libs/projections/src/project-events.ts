// Applies events to one projection, in order.
import { type Database, isUniqueViolation, TransientConflict } from '@concord/database';
import { parseStreamName, type RecordedEvent } from '@concord/kernel';
import { inSpan } from '@concord/telemetry';
import { currentTenant } from '@concord/tenancy';
import type { ProjectionDefinition } from './projection.js';
import { projectingRows } from './row-scope.js';

/** `shared`: others project other streams into the same tables at the same time. */
type Sharing = 'alone' | 'shared';

/** Events of other categories and types are passed over. The caller has a transaction running. */
export async function projectEvents(
  database: Database,
  projection: ProjectionDefinition,
  events: readonly RecordedEvent[],
  sharing: Sharing = 'alone',
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
      { named, locked: sharing === 'shared' },
    ).catch((error: unknown) => {
      // A row that another slice had not committed yet when it was looked for: next time it is found.
      if (sharing === 'shared' && isUniqueViolation(error)) throw conflict(error);
      throw error;
    });
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

function conflict(cause: unknown): TransientConflict {
  return new TransientConflict(cause instanceof Error ? cause.message : String(cause), {}, { cause });
}

/** Removes the running tenant's rows of a projection. */
export async function clearRows(database: Database, projection: ProjectionDefinition, tenantId: string): Promise<void> {
  const transaction = database.current;
  if (!transaction) throw new Error('clearRows runs inside a transaction');
  transaction.bePatient();
  for (const row of projection.rows) await transaction.manager.delete(row, { tenantId });
}

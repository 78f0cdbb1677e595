// The Nest application that runs a projection from the first event to the last.
import { Database } from '@concord/database';
import { EventStore, EventStoreModule } from '@concord/event-store';
import { Projections, ProjectionsModule } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { ProjectionResult, ProjectionRun } from '../contender.js';
import { BALANCES } from './balances.js';
import { databaseModule } from './bus.app.js';
import { RowsProjector, SqlProjector } from './projectors.js';

const EMPTY = `${BALANCES}
  truncate bench.balances, concord.checkpoints;
`;

const PROJECTORS: Readonly<Record<'active-record' | 'sql', { readonly name: string; readonly type: Type }>> = {
  'active-record': { name: 'bench.rows', type: RowsProjector },
  sql: { name: 'bench.sql', type: SqlProjector },
};
const PATIENCE_MS = 600_000;

@Module({})
class ProjectionModule {}

export async function emptyBalances(database: Database): Promise<void> {
  await database.query({ text: EMPTY });
}

/** The application is started within the measured time: a projection starts with its application. */
export function projectionApp(database: Database, tenant: string, kind: 'active-record' | 'sql'): ProjectionRun {
  const { name, type } = PROJECTORS[kind];
  return {
    async run() {
      const app = await NestFactory.createApplicationContext(
        {
          module: ProjectionModule,
          imports: [databaseModule(database), EventStoreModule.forRoot(), ProjectionsModule.forRoot()],
          providers: [type],
        },
        { logger: ['error', 'warn'] },
      );
      const last = await app.get(EventStore).lastPosition();
      const caughtUp = await runInTenant(tenant, () => app.get(Projections).waitFor(name, last, PATIENCE_MS));
      await app.close();
      if (!caughtUp) throw new Error(`${name} did not catch up`);
    },
    async result() {
      const [row] = await database.query<ProjectionResult>({
        text: 'select count(*)::int as rows, coalesce(sum(deposits), 0)::int as events from bench.balances',
      });
      return row ?? { rows: 0, events: 0 };
    },
  };
}

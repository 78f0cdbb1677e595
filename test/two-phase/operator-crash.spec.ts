// kill -9 around an operator's word: what was forced is on record, and comes to its end, whoever dies on the way.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { failpoints } from '@concord/coordination';
import { until } from '../contract/locking/kit.js';
import { startFile } from '../fixtures/import/command-line.js';
import { eventsOf, openSide, preparedLocks, type Side, type TestStores, twoDatabases } from './kit.js';
import { BY, stuckAt } from './stuck.js';
import { type Failpoint, killCoordinatorAt } from './victims.js';

let stores: TestStores;
let side: Side;
let errors: string[];
const folder = mkdtempSync(join(tmpdir(), 'concord-operator-'));

beforeAll(async () => {
  stores = await twoDatabases();
  side = await openSide(stores.urls, { everyMs: 50, graceMs: 60_000, askAfterMs: 60_000 });
});
beforeEach(() => {
  errors = [];
  Logger.overrideLogger({ log: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) });
});
afterEach(() => side.coordinator.stop());
afterAll(async () => {
  failpoints.clear();
  await side.close();
  await stores.drop();
  rmSync(folder, { recursive: true });
});

/** `concord transactions resolve`, killed there. Answers by what. */
async function resolveKilledAt(point: Failpoint, ...args: string[]): Promise<NodeJS.Signals | null> {
  process.env['CONCORD_FAILPOINT'] = `${point}:kill`;
  const run = startFile('apps/concord/src/main.ts', stores.urls[0], 'transactions', 'resolve', ...args);
  delete process.env['CONCORD_FAILPOINT'];
  await run.ended;
  return run.process.signalCode;
}

const WHY = ['--by', BY.by, '--reason', BY.reason];
const forcedIn = ({ database }: Side['a'], id: string) =>
  database.query(
    {
      text: `select participant, outcome, forced_by, applied_at is not null as applied, overruled
      from concord.forced_resolutions where transaction_id = $1`,
    },
    [id],
  );

/** Prepared at b, by a coordinator that nobody here knows. */
async function orphanAtB(purse: string): Promise<string> {
  const id = await stuckAt(side, 'coordinator.voted', purse);
  await side.a.database.query({ text: 'delete from concord.transactions' });
  await side.a.participant.abort({ id, tenant: 'pursers', coordinator: 'concord' });
  await side.b.database.query({ text: `update concord.prepared_transactions set coordinator = 'gone'` });
  return id;
}

it('a decision that was forced is on record, and told as an alarm', async () => {
  const id = await stuckAt(side, 'coordinator.voted', 'decided');
  expect(await resolveKilledAt('operator.decided', id, 'abort', ...WHY)).toBe('SIGKILL');
  expect(await side.coordinator.outcome(id)).toBe('aborted');
  expect(await forcedIn(side.a, id)).toMatchObject([{ participant: null, outcome: 'aborted', forced_by: BY.by }]);
  await side.a.database.query({ text: 'update concord.transactions set next_attempt_at = now()' });
  await side.coordinator.start();
  await until('it is over', async () => (await side.coordinator.transactions()).length === 0);
  await until('an alarm', () => errors.some((one) => one.includes(`${id} was forced to be aborted`)));
});

it('what was recorded for a participant is carried out, once, also when who did it died before it could say so', async () => {
  const id = await orphanAtB('recorded');
  const args = [id, 'commit', '--participant', 'b', '--also', stores.urls[1], ...WHY];
  expect(await resolveKilledAt('operator.recorded', ...args)).toBe('SIGKILL');
  expect([await forcedIn(side.b, id), await eventsOf(side.b, 'recorded')]).toMatchObject([[{ applied: false }], []]);
  await killCoordinatorAt('operator.carried-out', {
    urls: stores.urls,
    serviceUrl: 'http://127.0.0.1:1',
    purse: 'recorded',
    rounds: 0,
    recovers: true,
    acknowledged: join(folder, 'acknowledged'),
  });
  expect([await forcedIn(side.b, id), await eventsOf(side.b, 'recorded')]).toMatchObject([[{ applied: false }], [1n]]);
  await side.coordinator.start();
  await until('an alarm', () => errors.some((one) => one.includes(`${id} was forced to be committed at "b"`)));
  expect(await forcedIn(side.b, id)).toMatchObject([{ outcome: 'committed', applied: true, overruled: null }]);
  expect([await eventsOf(side.b, 'recorded'), await preparedLocks(side.b)]).toEqual([[1n], []]);
});

// The gauges of a member by themselves. With members on PostgreSQL: test/telemetry/consumers.spec.ts.
import type { Database } from '@concord/database';
import { startTelemetry, type Telemetry } from '../../../../test/fixtures/telemetry.js';
import { observeMember } from './group-metrics.js';
import type { GroupSettings } from './group-work.js';

let telemetry: Telemetry;
beforeEach(() => {
  telemetry = startTelemetry();
});
afterEach(() => telemetry.stop());

it('a slice that was given away has no lag here any more', async () => {
  let lags = new Map([
    [0, 5n],
    [1, 7n],
  ]);
  const database = { queryOutside: () => Promise.resolve([]) } as unknown as Database;
  const stop = observeMember({ database, settings: { name: 'g' } as GroupSettings }, () => lags);
  const told = async () =>
    (await telemetry.points('concord.consumer_group.slice.lag')).map(({ attributes, value }) => [
      attributes['concord.slice'],
      value,
    ]);
  expect(await told()).toEqual([
    [0, 5],
    [1, 7],
  ]);
  lags = new Map([[1, 8n]]);
  expect(await told()).toEqual([
    [0, 0],
    [1, 8],
  ]);
  stop();
});

// What operators have forced is told once, by whichever process gets to it: on two connections.
import { Logger } from '@nestjs/common';
import { loadSql, type OpenDatabase, openDatabase } from '@concord/database';
import { newId } from '@concord/kernel';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../../../../test/contract/locking/kit.js';
import { ForcedResolutions } from './forced-resolutions.js';

const ALARM = loadSql(import.meta.url, 'sql/alarm-resolutions.sql');
const WAITING = {
  text: `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
};

let created: TestDatabase;
let one: OpenDatabase;
let other: OpenDatabase;
let errors: string[];

beforeAll(async () => {
  created = await createTestDatabase();
  [one, other] = [await openDatabase({ url: created.url }), await openDatabase({ url: created.url })];
});
beforeEach(() => {
  errors = [];
  Logger.overrideLogger({ log: () => undefined, warn: () => undefined, error: (text: string) => errors.push(text) });
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await created.drop();
});

const force = (isDone: boolean) =>
  new ForcedResolutions(one.database).record(
    { id: newId(), participant: 'a', was: 'prepared', outcome: 'aborted', by: 'ada', reason: 'a test' },
    { isDone },
  );

it('what one process is telling of is not told by another, before or after', async () => {
  await force(true);
  const second = new ForcedResolutions(other.database);
  let alarm: Promise<void> = Promise.resolve();
  const claimed = await one.database.transaction(async () => {
    const rows = await one.database.query(ALARM);
    alarm = second.alarm();
    const waits = until('it waits', async () => (await other.database.queryOutside(WAITING)).length > 0);
    waits.catch(() => undefined);
    await Promise.race([alarm, waits]);
    return rows;
  });
  await alarm;
  await second.alarm();
  expect(claimed).toHaveLength(1);
  expect(errors).toEqual([]);
});

it('what nobody has told of is told once, when it was carried out', async () => {
  const number = await force(false);
  const processes = [new ForcedResolutions(one.database), new ForcedResolutions(other.database)];
  const all = () => Promise.all(processes.map((process) => process.alarm()));
  await all();
  expect(errors).toEqual([]);
  await processes[0]?.carriedOut(number, null);
  await all();
  await all();
  expect(errors).toEqual([expect.stringContaining('at "a" by ada: a test')]);
});

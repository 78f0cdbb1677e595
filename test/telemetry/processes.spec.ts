// What the metrics say of process managers, on instances that fail, wait and end.
import { tellOfTalks } from '../fixtures/talk.js';
import { startTelemetry, type Telemetry } from '../fixtures/telemetry.js';

const TALK = { 'concord.process.name': 'talk' };
let telemetry: Telemetry;
let talks: Awaited<ReturnType<typeof tellOfTalks>>;

beforeAll(async () => {
  telemetry = startTelemetry();
  talks = await tellOfTalks();
});
afterAll(async () => {
  await talks.close();
  // It fails when anything but what is declared was told, such as a tenant.
  await telemetry.stop();
});

async function instances(): Promise<Record<string, number>> {
  const points = await telemetry.points('concord.process.instances');
  return Object.fromEntries(
    points.map(({ attributes, value }) => [String(attributes['concord.process.state']), value as number]),
  );
}

it('counts attempts, and what was set aside', async () => {
  expect(await telemetry.points('concord.process.retries')).toMatchObject([{ attributes: TALK, value: 2 }]);
  expect(await telemetry.points('concord.process.quarantined')).toMatchObject([{ attributes: TALK, value: 1 }]);
});

it('times steps by what is done in them, and failures by their kind', async () => {
  const points = await telemetry.points('concord.process.step.duration');
  const counts = new Map(
    points.map(({ attributes, value }) => {
      const { 'concord.process.step.kind': kind, 'error.type': error } = attributes;
      return [`${String(kind)} ${error === undefined ? 'done' : String(error)}`, (value as { count: number }).count];
    }),
  );
  // Two begin, one waits, and the first throws three times.
  expect(counts.get('event done')).toBe(3);
  expect(counts.get('event Error')).toBe(3);
  expect(counts.get('timer done')).toBe(1);
  expect(counts.get('command done')).toBe(2);
  expect(counts.get('command transient-conflict')).toBe(1);
  // The step is undone, and that it was is recorded.
  expect(counts.get('compensation done')).toBe(2);
});

it('tells how late a timer was', async () => {
  const [point, ...others] = await telemetry.points('concord.process.timer.lateness');
  expect(others).toEqual([]);
  expect(point).toMatchObject({ attributes: TALK, value: { count: 1 } });
  expect((point?.value as { min: number }).min).toBeGreaterThanOrEqual(0);
});

it('counts instances by state when asked: what has ended or waits for an event is not counted', async () => {
  expect(await instances()).toEqual({ due: 0, timer: 0, retrying: 0, compensating: 0, quarantined: 1 });
  const { database } = talks.node.opened;
  await database.query({
    // Of a version that no process here has: nobody works on them.
    text: `insert into concord.processes (process, tenant_id, instance_id, status, version, due_at, attempts)
      values ('talk', 't', 'a', 'running', 99, now() - interval '1 s', 0), ('talk', 't', 'b', 'running', 99, now() + interval '1 h', 0),
        ('talk', 'u', 'c', 'running', 99, now() + interval '1 h', 2), ('talk', 'u', 'd', 'compensating', 99, now(), 0),
        ('talk', 'u', 'e', 'running', 99, null, 0), ('other', 'u', 'f', 'running', 99, now(), 0)`,
  });
  expect(await instances()).toEqual({ due: 1, timer: 1, retrying: 1, compensating: 1, quarantined: 1 });
  await talks.node.runtime.stop();
  await database.query({ text: `update concord.processes set due_at = now() where instance_id = 'b'` });
  // Nobody counts any more: the SDK has what it heard last.
  expect(await instances()).toMatchObject({ due: 1, timer: 1 });
});

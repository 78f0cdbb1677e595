// concord processes, beside an app that runs a process manager: what it shows, and what comes of an operator's word.
import { concord, type Said } from '../../../../test/fixtures/concord-cli.js';
import { purse, type PayoutNode } from '../../../../test/fixtures/payouts.js';
import { begun, has, inT, said, say, Talk, tellOfTalks } from '../../../../test/fixtures/talk.js';
import { newId } from '@concord/kernel';

let talks: Awaited<ReturnType<typeof tellOfTalks>>;
let node: PayoutNode;
const run = (...args: string[]): Promise<Said> => concord(talks.url, 'processes', ...args);
const parsed = (said: Said): Record<string, unknown> => JSON.parse(said.out) as Record<string, unknown>;
const WHY = ['--by', 'ada', '--reason', 'the word is allowed now'];

async function quarantined(id: string): Promise<void> {
  Talk.broken = true;
  await say(node, id, begun(id), said(id, 'throw'));
  await has(node, id, 'quarantined');
}

beforeAll(async () => {
  talks = await tellOfTalks();
  node = talks.node;
});
afterAll(() => talks.close());

it('counts instances by process manager, and lists what is set aside', async () => {
  await say(node, 'idle', begun('idle'));
  await has(node, 'idle', 'running');
  const counts = await run('--json');
  expect(counts.code).toBe(0);
  expect(parsed(counts)).toMatchObject({ process: 'talk', running: 1, timer: 0, quarantined: 1, ended: 1 });
  expect((await run()).out).toMatch(/talk +1 +0 +0 +0 +1 +0 +1 +\d/);
  expect((await run('--tenant', 'other')).out).toBe('Process managers: none\n');

  expect(parsed(await run('quarantined', 'talk', '--json'))).toMatchObject({
    ...{ process: 'talk', tenant: 't', instance: 'bad', attempts: 3, reason: 'Error: this word is too much' },
  });
  expect((await run('quarantined')).out).toContain('this word is too much');
  expect((await run('quarantined', 'other')).out).toBe('Quarantined: none\n');
});

it('shows an instance with its state, timers, last error and history', async () => {
  await say(node, 'clock', begun('clock'), said('clock', 'wait'), said('clock', 'end'));
  const { out, code } = await run('show', 'talk', 'bad');
  expect(code).toBe(0);
  expect(out).toContain('talk bad of t: quarantined, version 1');
  expect(out).toContain('Last error: Error: this word is too much (failed attempts in a row: 3)');
  expect(out).toContain('State: {"words":[]}');
  expect(out).toContain('To be undone, should it fail: put');
  expect(out).toMatch(/ProcessStarted .*\n.*ProcessCommandSettled .*\n.*ProcessQuarantined /);
  expect(parsed(await run('show', 'talk', 'bad', '--json'))).toMatchObject({
    ...{ process: 'talk', tenant: 't', instance: 'bad', undoable: ['put'], timers: [] },
    history: expect.arrayContaining([expect.objectContaining({ streamPosition: '0', type: 'ProcessStarted' })]),
  });
  expect(await run('show', 'talk', 'nobody')).toMatchObject({ code: 1, err: expect.stringContaining('no instance') });
});

it('has a quarantined instance go on, or be undone, and keeps who said so and why', async () => {
  await quarantined('worse');
  Talk.broken = false;
  const released = await run('release', 'talk', 'bad', ...WHY, '--json');
  expect(released).toMatchObject({ code: 0 });
  await has(node, 'bad', 'running');
  const { history } = parsed(await run('show', 'talk', 'bad', '--json')) as { history: unknown[] };
  expect(history).toContainEqual(
    expect.objectContaining({ type: 'ProcessReleased', data: { by: 'ada', because: 'the word is allowed now' } }),
  );
  expect((await run('fail', 'talk', 'worse', '--by', 'ada', '--reason', 'nobody wants it')).code).toBe(0);
  await has(node, 'worse', 'compensated');
  expect((await inT(() => purse(node.store, 'worse'))).sum).toBe(0);
});

it('refuses what is not quarantined, and says what is wrong with what it is told; nothing is changed', async () => {
  const refused = await run('release', 'talk', 'late', ...WHY);
  expect(refused).toMatchObject({ code: 3, out: '', err: expect.stringContaining('is not quarantined') });
  expect((await run('fail', 'talk', 'late', ...WHY)).code).toBe(3);
  expect((await run('release', 'talk', 'nobody', ...WHY)).code).toBe(1);
  expect((await run('release', 'talk', 'late')).code).toBe(2);
  expect((await run('release', 'talk', 'bad', '--by', ' ', '--reason', 'x')).code).toBe(2);
  expect((await run('show', 'talk')).code).toBe(2);
  expect((await run('nonsense')).code).toBe(2);
  expect((await run('--help')).out).toContain('concord processes release');
  await node.opened.database.query({
    text: `insert into concord.processes (process, tenant_id, instance_id, status) values ('talk', 'u', 'late', 'expected')`,
  });
  expect(await run('show', 'talk', 'late')).toMatchObject({ code: 1, err: expect.stringContaining('add --tenant') });
  expect((await run('show', 'talk', 'late', '--tenant', 't')).code).toBe(0);
});

it('goes on even if whoever set it aside gives it back only afterwards', async () => {
  await quarantined('slow');
  Talk.broken = false;
  const { database } = node.opened;
  const owner = newId();
  // As it is between the record of the quarantine and the row's.
  await database.query(
    {
      text: `update concord.processes set status = 'running', owner = $1, leased_until = now() + interval '1 h', due_at = now()
        where instance_id = 'slow'`,
    },
    [owner],
  );
  expect((await run('release', 'talk', 'slow', ...WHY)).code).toBe(0);
  const given = [
    {
      ...{ process: 'talk', tenant: 't', instance: 'slow', status: 'quarantined', version: 1, attempts: 3 },
      ...{ reason: 'late', woken: '0', due: null, handled: [] },
    },
  ];
  await database.query({ text: 'select concord.release_processes($1, $2)' }, [owner, JSON.stringify(given)]);
  await say(node, 'slow', said('slow', 'end'));
  await has(node, 'slow', 'completed');
});

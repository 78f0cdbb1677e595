// concord streams, events and verify as processes: what they show, what they refuse, and how they end.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase, withClient } from '@concord/testing';
import { concord, type Said } from '../../../../test/fixtures/concord-cli.js';
import { startFile } from '../../../../test/fixtures/import/command-line.js';

let database: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), 'concord-cli-'));

const run = (...args: string[]): Promise<Said> => concord(database.url, ...args);
const append = (stream: string, tenant: string, ...more: string[]): Promise<Said> =>
  run('streams', 'append', stream, '--tenant', tenant, '--type', 'Noted', '--json', ...more);
const lines = ({ out }: Said): Record<string, unknown>[] =>
  out
    .split('\n')
    .filter((line) => line)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const oneLine = (...parts: string[]): unknown =>
  expect.stringMatching(new RegExp(`^concord: .*${parts.join('.*')}.*\\n$`));

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

it('appends, lists and reads; a repeat by id adds nothing', async () => {
  const file = join(folder, 'data.json');
  writeFileSync(file, '{"text":"é\\u0001"}');
  const id = '0197a1b2-0000-7000-8000-000000000001';
  const args = ['--data', `@${file}`, '--id', id, '--metadata', '{"by":"hand"}', '--expected', 'no-stream'];
  const first = await append('note-1', 'acme', ...args);
  expect(JSON.parse(first.out)).toMatchObject({ stream: 'note-1', streamPosition: '0', id, repeated: false });
  expect(JSON.parse((await append('note-1', 'acme', ...args)).out)).toMatchObject({ id, repeated: true });
  await append('note-1', 'acme', '--data', '2', '--expected', '0');
  await append('other-1', 'acme', '--data', '[]');
  await append('note-1', 'else', '--data', 'null');

  const [all, category, page] = await Promise.all([
    run('streams', 'list', '--json'),
    run('streams', 'list', '--tenant', 'acme', '--category', 'note'),
    run('streams', 'list', '--tenant', 'acme', '--after', 'note-1', '--limit', '1', '--json'),
  ]);
  expect(lines(all).map(({ tenant, stream, lastPosition }) => [tenant, stream, lastPosition])).toEqual([
    ['acme', 'note-1', '1'],
    ['acme', 'other-1', '0'],
    ['else', 'note-1', '0'],
  ]);
  expect(category).toMatchObject({ code: 0, out: expect.stringMatching(/^Streams: 1\n.+\nacme +note-1 +1 /) });
  expect(lines(page)).toMatchObject([{ stream: 'other-1', lastType: 'Noted', state: 'active' }]);

  const read = lines(await run('streams', 'read', 'note-1', '--tenant', 'acme', '--json'));
  expect(read).toMatchObject([
    { tenant: 'acme', stream: 'note-1', streamPosition: '0', type: 'Noted', id, data: { text: 'é\u0001' } },
    { streamPosition: '1', data: 2 },
  ]);
  expect(read[0]).toMatchObject({ metadata: { by: 'hand' }, globalPosition: expect.stringMatching(/^\d+$/) });
  const last = await run('streams', 'read', 'note-1', '--tenant', 'acme', '--backwards', '--limit', '1', '--json');
  expect(lines(last)).toEqual([read[1]]);
});

it('says in one line what is wrong, and changes nothing', async () => {
  const uses: [number, string, string[]][] = [
    [1, 'no stream "nope-1"', ['streams', 'read', 'nope-1']],
    [1, 'no tenant "nobody": there is acme, else', ['streams', 'read', 'note-1', '--tenant', 'nobody']],
    [1, 'several tenants have', ['streams', 'read', 'note-1']],
    [2, '--data is no JSON', ['streams', 'append', 'note-1', '--tenant', 'acme', '--type', 'X', '--data', '{"a":']],
    [
      2,
      'would be rounded',
      ['streams', 'append', 'note-1', '--tenant', 'acme', '--type', 'X', '--data', '9007199254740993'],
    ],
    [
      2,
      'cannot be read: ENOENT',
      ['streams', 'append', 'note-1', '--tenant', 'acme', '--type', 'X', '--data', '@nowhere'],
    ],
    [
      2,
      'no JSON object',
      ['streams', 'append', 'a-1', '--tenant', 'acme', '--type', 'X', '--data', '1', '--metadata', '1'],
    ],
    [2, 'U.0000', ['streams', 'append', 'a-1', '--tenant', 'acme', '--type', 'X', '--data', '"\\u0000"']],
    [2, 'no stream name', ['streams', 'append', 'nodash', '--tenant', 'acme', '--type', 'X', '--data', '1']],
    [
      3,
      'was expected to be at 7 but is at 1',
      ['streams', 'append', 'note-1', '--tenant', 'acme', '--type', 'X', '--data', '1', '--expected', '7'],
    ],
    [1, 'no projection "x" has run', ['projections', 'status', 'x']],
    [1, 'no tenant "nobody"', ['replay', '--tenant', 'nobody']],
    [2, '--from is behind --to', ['replay', '--from', '9', '--to', '3']],
    [1, 'no consumer group "g"', ['parked', 'list', 'g']],
    [2, 'give ids of events, or --all', ['parked', 'discard', 'g', '--tenant', 'acme']],
    [2, 'add --yes', ['parked', 'discard', 'g', '--tenant', 'acme', '--all']],
  ];
  const before = await run('replay');
  for (const [code, message, args] of uses) {
    expect([args, await run(...args)]).toEqual([args, { code, out: '', err: oneLine(message) }]);
  }
  expect(await run('replay')).toEqual(before);
}, 120_000);

it('tells a wrong option, by its name, without a database', async () => {
  const nowhere = 'postgresql://nobody@127.0.0.1:1/none';
  const uses: [string, string[]][] = [
    ["'--tenant <id>' argument 'a b' is invalid", ['streams', 'list', '--tenant', 'a b']],
    ["'--category <name>' argument '1' is invalid", ['replay', '--category', '1']],
    ["'--from <position|time>' argument 'yesterday' is invalid", ['replay', '--from', 'yesterday']],
    ["'--speed <factor|max>' argument '0' is invalid", ['replay', '--speed', '0']],
    ["'--to-url <url>' argument 'ftp://x' is invalid", ['replay', '--to-url', 'ftp://x']],
    ["required option '--tenant <id>'", ['parked', 'replay', 'g', '--all']],
    ["unknown option '--nothing'", ['verify', '--nothing']],
    ["'fish' is invalid", ['completion', 'fish']],
  ];
  for (const [message, args] of uses) {
    expect(await concord(nowhere, ...args)).toMatchObject({ code: 2, out: '', err: expect.stringContaining(message) });
  }
  for (const command of [
    ['verify'],
    ['streams', 'list'],
    ['events', 'tail'],
    ['replay'],
    ['parked', 'list'],
    ['projections', 'lag'],
  ]) {
    expect(await concord(nowhere, ...command)).toEqual({ code: 1, out: '', err: oneLine('database is not available') });
  }
}, 120_000);

it('completes what there is', async () => {
  const { code, out } = await run('completion', 'bash');
  expect(code).toBe(0);
  expect(out).toMatch(/'streams append'\) words='.*--expected/);
  expect((await run('completion', 'zsh')).out).toContain('bashcompinit');
});

describe('events tail', () => {
  const tail = (...args: string[]) => startFile('apps/concord/src/main.ts', database.url, 'events', 'tail', ...args);

  it('shows what comes, of all tenants or one, and ends with 0 by SIGINT and says where it was', async () => {
    const started = tail('--tenant', 'live', '--type', 'Noted', '--from', '0', '--json');
    const seen: string[] = [];
    const two = new Promise<void>((resolve) => {
      started.process.stdout?.on('data', (chunk: Buffer) => {
        seen.push(...chunk.toString().trim().split('\n'));
        if (seen.length === 2) resolve();
      });
    });
    // A tenant that is not there yet when it begins.
    await append('note-7', 'live', '--data', '1');
    await append('note-7', 'elsewhere', '--data', '1');
    await append('note-7', 'live', '--data', '2');
    await two;
    started.process.kill('SIGINT');
    const { code, err } = await started.ended;
    const last = JSON.parse(seen[1] ?? '') as { data: number; globalPosition: string };
    expect([code, seen.length, last.data]).toEqual([0, 2, 2]);
    expect(err).toBe(`concord: stopped; go on with --from ${BigInt(last.globalPosition) + 1n}\n`);
  });

  it('ends with 0 when nobody reads any more', async () => {
    const started = tail('--from', '0');
    await new Promise((resolve) => started.process.stdout?.once('data', resolve));
    started.process.stdout?.destroy();
    await append('note-8', 'live', '--data', '1');
    const { code, err } = await started.ended;
    expect(code).toBe(0);
    expect(err).toMatch(/^concord: stopped; go on with --from \d+\n$/);
  });
});

it('verify finds gaps, lost starts, a wrong order and what is ahead of the store; and nothing in a store that is in order', async () => {
  expect(await run('verify')).toMatchObject({ code: 0, out: expect.stringMatching(/^Findings: none\n\d+ events/) });
  for (const stream of ['broken-1', 'broken-2', 'broken-3']) {
    for (const data of ['0', '1', '2']) await append(stream, 'hurt', '--data', data);
  }
  await withClient(database.url, async (client) => {
    const remove = 'delete from concord.events where stream_name = $1 and stream_position = $2';
    await client.query(remove, ['broken-1', 1]);
    await client.query(remove, ['broken-2', 0]);
    await client.query("update concord.events set global_position = -stream_position where stream_name = 'broken-3'");
    await client.query("insert into concord.checkpoints values ('projection:far:1', 'hurt', 999999, now())");
  });
  const { code, out } = await run('verify', '--tenant', 'hurt', '--json');
  const { findings } = JSON.parse(out) as { findings: { check: string; where: string }[] };
  expect(code).toBe(1);
  expect(findings.map((finding) => [finding.check, finding.where])).toEqual([
    ['stream-gap', 'hurt/broken-1@2'],
    ['feed-order', 'hurt/broken-3@1'],
    ['feed-order', 'hurt/broken-3@2'],
    ['lost-start', 'hurt/broken-2'],
    ['ahead', 'projection:far:1 of hurt'],
  ]);
  expect((await run('verify', '--tenant', 'acme')).code).toBe(0);
}, 120_000);

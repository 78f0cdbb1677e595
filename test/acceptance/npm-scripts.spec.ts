// Whoever stops npm stops what it has started: a container or a supervisor knows npm's process only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@concord/testing';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = /^node .*dist\//;

it('SIGTERM to npm ends the program in order, and npm waits for that', async () => {
  const database = await createTestDatabase();
  const { NODE_OPTIONS: _options, ...inherited } = process.env;
  const env = { ...inherited, DATABASE_URL: database.url, EVENTSTORE_PORT: '0' };
  // A group of its own: all that is left of it can be ended.
  const npm = spawn('npm', ['run', 'eventstore'], { cwd: ROOT, env, detached: true });
  try {
    let output = '';
    for (const stream of [npm.stdout, npm.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const deadline = Date.now() + 60_000;
    while (!output.includes('listens') && npm.exitCode === null && Date.now() < deadline) await sleep(50);
    expect(output).toContain('The event store listens');
    npm.kill('SIGTERM');
    // The pipes are closed when nobody has them any more.
    await Promise.race([once(npm, 'close'), sleep(15_000, undefined, { ref: false })]);
    expect({ closed: npm.stdout.closed, code: npm.exitCode }).toEqual({ closed: true, code: 0 });
  } finally {
    if (npm.pid !== undefined && !npm.stdout.closed) process.kill(-npm.pid, 'SIGKILL');
    await database.drop();
  }
}, 90_000);

it('every script that runs a program takes its place in the shell that npm starts', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> };
  const programs = Object.entries(scripts).filter(([, script]) => script.includes('dist/'));
  expect(programs.map(([name]) => name)).toEqual(expect.arrayContaining(['start', 'eventstore', 'import']));
  expect(programs.flatMap(([name, script]) => (PROGRAM.test(script) ? [name] : []))).toEqual([]);
});

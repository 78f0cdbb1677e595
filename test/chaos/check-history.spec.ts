// The command npm run check-history, and the report that the documentation shows.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkHistory } from './checker/check.js';
import { parseHistory } from './checker/history.js';
import { reported } from './report.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const EXAMPLE = path('./examples/write-skew.jsonl');

function run(...args: string[]): { status: number | null; output: string } {
  const { NODE_OPTIONS: _options, ...env } = process.env;
  const loader = new URL('../load-typescript.js', import.meta.url).href;
  const node = ['--import', loader, path('./check-history.ts'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { env, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

it('ends with 1 when something is wrong, and says what', () => {
  const { status, output } = run(EXAMPLE);
  expect(status).toBe(1);
  expect(output).toContain('ANOMALIES: G2');
});

it('ends with 2 when it has nothing to check', () => {
  expect(run()).toEqual({ status: 2, output: expect.stringContaining('give a file') });
  expect(run('/dev/null')).toEqual({ status: 2, output: expect.stringContaining('nothing to check') });
  expect(run(path('./check-history.ts'))).toEqual({ status: 2, output: expect.stringContaining('line 1: is no JSON') });
});

it('is documented with what it says', () => {
  const page = readFileSync(path('../../docs/how-to/chaos.md'), 'utf8');
  expect(page).toContain(reported(checkHistory(parseHistory(readFileSync(EXAMPLE, 'utf8')))).join('\n'));
});

// Checks a history in a file: npm run check-history -- <file>... [--total n]
// Ends with 0 when nothing is wrong, 1 when something is, 2 when the file is no history.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkHistory } from './checker/check.js';
import { HistoryInvalid, parseHistory } from './checker/history.js';
import { reported } from './report.js';

const USAGE = 'npm run check-history -- <file>... [--total <all the money of the bank>]';

function check(file: string, total: number | undefined): boolean {
  const begun = Date.now();
  const verdict = checkHistory(parseHistory(readFileSync(file, 'utf8')), { total });
  const lines = [`${file}: checked in ${Date.now() - begun} ms`, ...reported(verdict)];
  process.stdout.write(`${lines.join('\n')}\n`);
  const { 'transactions ok': transactions = 0, audits = 0 } = verdict.counts;
  if (transactions + audits === 0)
    throw new HistoryInvalid(`${file}: nothing in it was answered, so there is nothing to check`);
  return verdict.anomalies.length === 0;
}

function run(): boolean {
  const { values, positionals } = parseArgs({ options: { total: { type: 'string' } }, allowPositionals: true });
  const total = values.total === undefined ? undefined : Number(values.total);
  if (positionals.length === 0 || Number.isNaN(total)) throw new HistoryInvalid(`give a file: ${USAGE}`);
  return positionals.map((file) => check(file, total)).every((isSound) => isSound);
}

try {
  process.exitCode = run() ? 0 : 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}

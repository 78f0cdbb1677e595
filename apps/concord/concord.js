#!/usr/bin/env node
// `npx concord <command>`: builds dist/ when it is missing or old, and runs the command from it on the Node of this project.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const pathOf = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const installed = pathOf('node_modules/node/bin/node');
const node = existsSync(installed) ? installed : process.execPath;

process.exitCode = spawnSync(node, [pathOf('scripts/build-if-needed.js')], { stdio: 'inherit' }).status ?? 1;
if (process.exitCode === 0) run();

/** The command hears every signal that this process gets, and says itself when it ends. */
function run() {
  const args = ['--enable-source-maps', pathOf('dist/apps/concord/src/main.js'), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

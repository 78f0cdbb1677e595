#!/usr/bin/env node
// `npx concord <command>`: builds dist/ when it is missing or old, and runs the command from it on the Node of this project.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const installed = pathOf('node_modules/node/bin/node');
const node = existsSync(installed) ? installed : process.execPath;
const run = (...args) => spawnSync(node, args, { stdio: 'inherit' }).status ?? 1;

process.exitCode =
  run(pathOf('scripts/build-if-needed.js')) ||
  run('--enable-source-maps', pathOf('dist/apps/concord/src/main.js'), ...process.argv.slice(2));

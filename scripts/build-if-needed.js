// Builds dist/ when it is missing or was built from other sources, and does nothing (in about 0.1 s) otherwise.
// It is the pre-step of the commands that run from dist/. It is not a watcher: `nest build --watch` is.
//
//   node scripts/build-if-needed.js           build when needed
//   node scripts/build-if-needed.js --force   build always
//
// Several commands may start at once. Each build goes to a directory of its own and takes dist's place by rename, so
// nobody sees half a build; the lock only spares the others the same work.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ['apps', 'libs', 'migrations', 'bench', 'tsconfig.json', '.swcrc', 'nest-cli.json'];
const DIST = join(ROOT, 'dist');
const STAMP = '.built';
const WORKSHOP = join(ROOT, '.concord-build');
const LOCK = join(WORKSHOP, 'lock');
const LOCK_GIVEN_UP_AFTER_MS = 120_000;
const MINE = join(WORKSHOP, `dist-${process.pid}`);

/** A hash of every source's path and text: modification times differ between checkouts and copies, texts do not. */
function fingerprint() {
  const hash = createHash('sha1').update(process.version);
  for (const path of SOURCES.flatMap((source) => filesBelow(source))) {
    hash.update(`\0${path}\0`).update(readFileSync(join(ROOT, path)));
  }
  return hash.digest('hex');
}

function filesBelow(path) {
  const info = statSync(join(ROOT, path), { throwIfNoEntry: false });
  if (!info) return [];
  if (info.isFile()) return path.endsWith('.spec.ts') ? [] : [path];
  return readdirSync(join(ROOT, path))
    .filter((name) => name !== 'node_modules')
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

const builtFrom = () => readOrNothing(join(DIST, STAMP));

function readOrNothing(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function build(wanted) {
  const started = Date.now();
  process.stderr.write('Building dist/ ...\n');
  const config = JSON.parse(readFileSync(join(ROOT, 'nest-cli.json'), 'utf8'));
  config.compilerOptions.builder.options.outDir = `.concord-build/dist-${process.pid}`;
  const configFile = `.concord-build/nest-cli-${process.pid}.json`;
  writeFileSync(join(ROOT, configFile), JSON.stringify(config));
  const nest = join(ROOT, 'node_modules/@nestjs/cli/bin/nest.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [nest, 'build', 'bank', '-c', configFile], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  rmSync(join(ROOT, configFile), { force: true });
  if (status !== 0 || !existsSync(MINE)) {
    process.stderr.write(`${stdout ?? ''}${stderr ?? ''}\nThe build failed; dist/ is as it was before.\n`);
    return false;
  }
  linkBenchPeers();
  writeFileSync(join(MINE, STAMP), wanted);
  takeDistsPlace();
  process.stderr.write(`Built dist/ in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return true;
}

/** The peers that bench/ compares with are installed below bench/, where dist/bench would not find them. */
function linkBenchPeers() {
  const peers = join(ROOT, 'bench/node_modules');
  if (existsSync(peers) && existsSync(join(MINE, 'bench'))) {
    symlinkSync(peers, join(MINE, 'bench/node_modules'), 'junction');
  }
}

function takeDistsPlace() {
  const old = join(WORKSHOP, `old-${process.pid}`);
  for (let attempt = 1; ; attempt++) {
    if (existsSync(DIST)) ignoring(['ENOENT'], () => renameSync(DIST, old));
    const done = ignoring(attempt < 20 ? ['ENOTEMPTY', 'EEXIST', 'EPERM'] : [], () => renameSync(MINE, DIST));
    rmSync(old, { recursive: true, force: true });
    if (done) return;
  }
}

function ignoring(codes, action) {
  try {
    action();
    return true;
  } catch (error) {
    if (codes.includes(error.code)) return false;
    throw error;
  }
}

const acquireLock = () => ignoring(['EEXIST'], () => writeFileSync(LOCK, String(process.pid), { flag: 'wx' }));

/** A lock whose owner died, or that is older than any build takes, is no lock. */
function breakDeadLock() {
  const owner = readOrNothing(LOCK);
  const since = statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs;
  if (owner === undefined || since === undefined) return;
  // An empty file is a lock whose owner is about to write its number.
  const alive = owner === '' || ignoring(['ESRCH'], () => ignoring(['EPERM'], () => process.kill(Number(owner), 0)));
  if (!alive || Date.now() - since > LOCK_GIVEN_UP_AFTER_MS) ignoring(['ENOENT'], () => unlinkSync(LOCK));
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Removes what builds that were killed left behind. */
function sweep() {
  for (const name of readdirSync(WORKSHOP)) {
    if (name !== 'lock') rmSync(join(WORKSHOP, name), { recursive: true, force: true });
  }
}

function buildAlone(force) {
  mkdirSync(WORKSHOP, { recursive: true });
  while (!acquireLock()) {
    sleep(50);
    breakDeadLock();
  }
  try {
    sweep();
    const wanted = fingerprint();
    return (!force && builtFrom() === wanted) || build(wanted);
  } finally {
    if (readOrNothing(LOCK) === String(process.pid)) rmSync(LOCK, { force: true });
  }
}

const force = process.argv.includes('--force');
if (force || builtFrom() !== fingerprint()) process.exitCode = buildAlone(force) ? 0 : 1;

// Starts, adopts, recovers and stops the one server of a cluster. Only the keeper calls this, and holds its lock.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type PidFile, readPidFile, removeEmptyPidFile } from './pid-file.js';
import type { Place } from './place.js';
import { isServerOf, killOrphans } from './processes.js';
import { environment, identity, run } from './run.js';

const START_LIMIT_MS = 5 * 60_000;
const ORPHANS_LIMIT_MS = 3_000;
const LOG_LIMIT_BYTES = 5_000_000;

// fsync, full_page_writes and synchronous_commit keep their default, on: commits are durable.
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '128MB',
  max_prepared_transactions: 50,
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  cluster_name: 'concord',
  logging_collector: 'off',
  log_destination: 'stderr',
};

export function logOf(place: Place): string {
  return join(place.dataFolder, 'postgres.log');
}

export function isServing(place: Place): boolean {
  const file = readPidFile(place.cluster);
  return file?.status === 'ready' && isServerOf(file.pid, place.cluster);
}

/** Gives the running server, after starting it if need be. */
export async function ensureServer(place: Place): Promise<PidFile> {
  const begun = Date.now();
  const deadline = begun + START_LIMIT_MS;
  // The port of a crashed server again, if it is free: its users' connection pools then recover by themselves.
  let port = readPidFile(place.cluster)?.port;
  while (Date.now() < deadline) {
    const file = readPidFile(place.cluster);
    const runs = file !== undefined && isServerOf(file.pid, place.cluster);
    if (runs && file.status === 'ready') return file;
    if (runs) {
      await sleep(20); // It starts, recovers or stops.
      continue;
    }
    port = await freePort(port);
    const complaint = await startServer(place, port, file?.pid, deadline);
    if (complaint === undefined) continue; // Its pid file says the rest.
    await clearTheWay(place, complaint, Date.now() - begun);
    if (/Address already in use/.test(complaint)) port = undefined;
    await sleep(100);
  }
  throw failure(place, `it was not ready within ${START_LIMIT_MS / 1000} s`);
}

async function clearTheWay(place: Place, complaint: string, elapsed: number): Promise<void> {
  if (/Address already in use/.test(complaint)) return;
  if (/pre-existing shared memory block/.test(complaint)) {
    // Backends outlive a killed server until they notice.
    if (elapsed > ORPHANS_LIMIT_MS) await killOrphans(place.cluster, place.account);
  } else if (/lock file/.test(complaint)) removeEmptyPidFile(place.cluster);
  else throw failure(place, complaint);
}

/** undefined when it serves, else what it wrote before it ended. */
async function startServer(
  place: Place,
  port: number,
  stalePid: number | undefined,
  deadline: number,
): Promise<string | undefined> {
  const log = openLog(place);
  const logStart = fstatSync(log).size;
  const flags = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(place.binaries.postgres, ['-D', place.cluster, '-p', String(port), ...flags], {
    cwd: place.cluster,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
    // We know that this pid is not a server of ours; told so, PostgreSQL removes its stale postmaster.pid by its own
    // rules, which look at shared memory too. Deleting the file ourselves would skip them.
    env: environment({ PG_GRANDPARENT_PID: String(stalePid ?? 0) }),
    ...identity(place.account),
  });
  closeSync(log);
  let ended = '';
  server.on('error', (error) => (ended = error.message));
  server.on('exit', (code, signal) => (ended = `PostgreSQL ended with ${code ?? signal}`));
  server.unref();
  while (ended === '' && Date.now() < deadline) {
    const file = readPidFile(place.cluster);
    if (file?.pid === server.pid && file?.status === 'ready') return undefined;
    await sleep(10);
  }
  return `${ended}\n${readFileSync(logOf(place)).subarray(logStart).toString().trim()}`;
}

export async function stopServer(place: Place): Promise<void> {
  const file = readPidFile(place.cluster);
  // pg_ctl would signal whoever has the pid now.
  if (!file || !isServerOf(file.pid, place.cluster)) return;
  for (const mode of ['fast', 'immediate']) {
    const args = ['stop', '-D', place.cluster, '-m', mode, '-w', '-t', '60'];
    if ((await run(place.binaries.pg_ctl, args, place.account)).code === 0) return;
  }
}

function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => (wanted ? resolve(freePort()) : reject(error)));
    probe.listen({ host: '127.0.0.1', port: wanted }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Ends a server whose files are gone. */
export function killServer(pid: number, cluster: string): void {
  if (isServerOf(pid, cluster)) process.kill(pid, 'SIGQUIT');
}

function openLog(place: Place): number {
  const path = logOf(place);
  if (existsSync(path) && statSync(path).size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

function failure(place: Place, complaint: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `PostgreSQL did not start: ${complaint.slice(-2_000)}\nIts log is ${logOf(place)}. ` +
      'Repair what it names, or set CONCORD_DATA to another folder, or DATABASE_URL to a server of your own.',
  );
}

// The keeper of one data folder: a process of its own that starts the server for its first user and stops it after the
// last. It outlives every user, so that one that is killed leaves no server behind; Node's builtins are all it needs.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import type { PostgresBinaries } from './binaries.js';
import { ensureCluster } from './cluster.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { FolderLock } from './folder-lock.js';
import { type KeeperMessage, readOrMakePassword, removeKeeperState, writeKeeperState } from './keeper-files.js';
import { onLine } from './lines.js';
import { choosePlace, clusterOf, type Place } from './place.js';
import { ensureServer, isServing, killServer, stopServer } from './server.js';

/** How long the server stays after its last user, for the next command. */
const GRACE_MS = Number(process.env['CONCORD_GRACE_MS'] || 1_000);
const FIRST_USER_MS = 5_000;
const WATCH_MS = 500;

const { dataFolder, binaries } = JSON.parse(process.argv[2] ?? '{}') as {
  dataFolder: string;
  binaries: PostgresBinaries;
};
const token = randomBytes(24).toString('hex');
const proof = randomBytes(24).toString('hex');
const users = new Set<Socket>();
let place: Place | undefined;
let serving: Promise<string> | undefined;
let serverPid: number | undefined;
let leaving = false;
let grace: NodeJS.Timeout;

// 1. One keeper per folder.
const lock = FolderLock.take(dataFolder) ?? process.exit(0);

// 2. Listen for users: processes that can read the token.
const listener = createServer((socket) => {
  const impatience = setTimeout(() => socket.destroy(), 10_000);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearTimeout(impatience);
    if (users.delete(socket)) considerLeaving();
  });
  onLine(socket, (line) => {
    clearTimeout(impatience);
    if (line === token && !leaving && !users.has(socket)) void welcome(socket);
    else socket.destroy();
  });
});
listener.listen({ host: '127.0.0.1', port: 0 }, () => {
  writeKeeperState(dataFolder, { pid: process.pid, port: (listener.address() as AddressInfo).port, token, proof });
  considerLeaving(FIRST_USER_MS);
});

// 3. Every user gets a server that was seen serving after it was counted: it cannot be stopped under it.
async function welcome(user: Socket): Promise<void> {
  users.add(user);
  tell(user, { hello: proof });
  try {
    tell(user, { ready: await serve() });
  } catch (error) {
    await giveUp(error);
  }
}

function serve(): Promise<string> {
  serving ??= startServing().finally(() => (serving = undefined));
  return serving;
}

async function startServing(): Promise<string> {
  if (!lock.holds) throw new EmbeddedPostgresError(`${dataFolder} was deleted under its PostgreSQL: start again.`);
  const progress = (line: string): void => users.forEach((user) => tell(user, { progress: line }));
  place ??= await choosePlace(dataFolder, binaries, progress);
  const password = readOrMakePassword(dataFolder);
  await ensureCluster(place, password, progress);
  const { pid, port } = await ensureServer(place);
  serverPid = pid;
  return `postgres://concord:${password}@127.0.0.1:${port}/concord`;
}

// 4. A server that was killed under its users is started again.
setInterval(() => {
  if (place && users.size > 0 && !leaving && !serving && !isServing(place)) serve().catch(giveUp);
}, WATCH_MS).unref();

// 5. Leave after the last user. A user that comes too late finds the door closed, and starts another keeper, which
// waits for our lock.
function considerLeaving(after = GRACE_MS): void {
  clearTimeout(grace);
  grace = setTimeout(() => users.size === 0 && void leave(), after);
}

async function leave(): Promise<void> {
  if (leaving) return;
  closeTheDoor();
  await serving?.catch(() => undefined);
  await stop();
  process.exit(0);
}

async function stop(): Promise<void> {
  const cluster = clusterOf(dataFolder);
  if (!lock.holds) {
    // Deleted under us, and perhaps made anew by a successor: end what is ours, touch nothing that lies there now.
    if (serverPid) killServer(serverPid, cluster);
  } else if (existsSync(cluster)) {
    // Without a user there may be a server still, if it lost both its keeper and its users.
    await stopServer((place ??= await choosePlace(dataFolder, binaries, () => undefined)));
  }
}

async function giveUp(error: unknown): Promise<void> {
  if (leaving) return;
  closeTheDoor();
  process.stderr.write(`${inspect(error)}\n`);
  for (const user of users) user.end(line({ failed: error instanceof Error ? error.message : String(error) }));
  await stop().catch(() => undefined);
  setTimeout(() => process.exit(0), 200);
}

function closeTheDoor(): void {
  leaving = true;
  listener.close();
  removeKeeperState(dataFolder, token);
}

// A polite end (logout, shutdown) comes to the users as well: follow them, but do not leave before them.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => considerLeaving(0));

function tell(user: Socket, message: KeeperMessage): void {
  user.write(line(message));
}

function line(message: KeeperMessage): string {
  return `${JSON.stringify(message)}\n`;
}

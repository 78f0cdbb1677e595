import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DataFolder, eventually } from '../../../../test/fixtures/data-folder.js';
import { ended, startProcess } from '../../../../test/fixtures/process-under-test.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { readKeeperState } from './keeper-files.js';
import { KeeperStarter } from './keeper-starter.js';
import { openEmbeddedPostgres, openPostgres } from './open-postgres.js';
import { isAlive } from './processes.js';

const GRACE_MS = 200;
process.env['CONCORD_GRACE_MS'] = String(GRACE_MS);

interface Opened {
  readonly url: string;
  readonly started: string;
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

describe('openPostgres', () => {
  it('takes the server it is given', async () => {
    const lease = await openPostgres({ url: 'postgres://elsewhere/mine' });
    expect(lease).toMatchObject({ url: 'postgres://elsewhere/mine', embedded: false });
    await lease.release();
  });
});

let folder: DataFolder;

describe('an embedded PostgreSQL', () => {
  beforeAll(() => (folder = new DataFolder()));
  afterEach(() => eventually(() => !folder.isServed && folder.keeperPid === 0, 'server and keeper are gone'));
  afterAll(() => folder.remove());

  it('is durable, in UTF-8 and UTC, and heard on the loopback only', async () => {
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    const settings = `SELECT json_object_agg(name, setting) FROM pg_settings WHERE name IN ('fsync', 'full_page_writes',
      'synchronous_commit', 'listen_addresses', 'unix_socket_directories', 'server_encoding', 'TimeZone', 'wal_sync_method')`;
    expect(await ask(lease.url, settings)).toMatchObject({
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
    });
    const outside = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .find(({ internal }) => !internal);
    if (outside) {
      const socket = connect({ host: outside.address, port: Number(new URL(lease.url).port) });
      await expect(once(socket, 'connect')).rejects.toThrow();
    }
    await lease.release();
  });

  it('lets in only who can read the secrets of the folder', async () => {
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    const stranger = new URL(lease.url);
    stranger.password = 'guessed';
    await expect(ask(stranger.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    for (const secret of ['password', 'keeper.json'])
      expect(statSync(join(folder.path, secret)).mode & 0o777).toBe(0o600);

    const socket = connect({ host: '127.0.0.1', port: readKeeperState(folder.path)?.port ?? 0 });
    socket.on('error', () => undefined);
    socket.write('guessed\n');
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    await once(socket, 'close');
    expect(heard).toBe('');
    await lease.release();
  });

  it('never hands out a server that is being stopped', async () => {
    const opened = await openEmbeddedPostgres({ dataFolder: folder.path });
    await opened.release();
    for (const beyond of [-10, 0, 3, 5, 7, 10, 15, 20, 30, 40]) {
      await sleep(GRACE_MS + beyond); // The keeper is about to leave, leaving, or has just left.
      const leases = await Promise.all(
        [0, 5, 10].map(async (later) => {
          await sleep(later);
          return openEmbeddedPostgres({ dataFolder: folder.path });
        }),
      );
      for (const lease of leases) expect(await ask(lease.url, 'SELECT 1')).toBe(1);
      await Promise.all(leases.map((lease) => lease.release()));
    }
  });

  it('welcomes nobody while it is being stopped', async () => {
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    const { port, token } = readKeeperState(folder.path)!;
    const early = connect({ host: '127.0.0.1', port });
    await once(early, 'connect');
    let heard = '';
    early.on('data', (chunk) => (heard += chunk.toString())).on('error', () => undefined);
    await lease.release();
    await eventually(() => folder.keeperPid === 0, 'the keeper leaves');
    early.write(`${token}\n`);
    await once(early, 'close');
    expect(heard).toBe('');
  });

  it('has one keeper, also when another one is started', async () => {
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    const keeper = folder.keeperPid;
    const starter = new KeeperStarter(folder.path);
    await starter.startIfNeeded();
    await eventually(() => starter.ended, 'the second keeper has left');
    expect(folder.keeperPid).toBe(keeper);
    await lease.release();
  });

  it('says where to look when the server does not start', async () => {
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    await lease.release();
    await eventually(() => !folder.isServed, 'the server is gone');
    writeFileSync(join(folder.cluster, 'postgresql.conf'), 'no_such_setting = on\n');
    const opening = openEmbeddedPostgres({ dataFolder: folder.path });
    await expect(opening).rejects.toThrow(EmbeddedPostgresError);
    await expect(opening).rejects.toThrow(/no_such_setting.*postgres\.log/s);
    expect(readFileSync(join(folder.path, 'postgres.log'), 'utf8')).toContain('no_such_setting');
  });
});

describe('an embedded PostgreSQL on a new folder', () => {
  beforeEach(() => (folder = new DataFolder()));
  afterEach(() => folder.remove());

  it('is one for twenty processes that start at once on an empty folder, and leaves with the last of them', async () => {
    const users = await Promise.all(
      Array.from({ length: 20 }, () => startProcess<Opened>('postgres-user.ts', folder.path)),
    );
    expect(new Set(users.map(({ message }) => message.url)).size).toBe(1);
    expect(new Set(users.map(({ message }) => message.started)).size).toBe(1);

    const [last, ...others] = users;
    for (const { process } of others) process.send('leave');
    await Promise.all(others.map(({ process }) => ended(process)));
    await sleep(3 * GRACE_MS);
    expect(folder.isServed).toBe(true);
    last?.process.send('leave');
    await eventually(() => !folder.isServed, 'the server is gone', 5_000);
    expect(existsSync(join(folder.cluster, 'postmaster.pid'))).toBe(false); // Stopped, not killed.

    const again = await openEmbeddedPostgres({ dataFolder: folder.path });
    expect(await ask(again.url, 'SELECT 1')).toBe(1);
    await again.release();
  });

  it('is refused where CONCORD_GRACE_MS is no number, which the keeper would tell nobody', async () => {
    process.env['CONCORD_GRACE_MS'] = 'long';
    try {
      await expect(openEmbeddedPostgres({ dataFolder: folder.path })).rejects.toThrow(/CONCORD_GRACE_MS="long"/);
    } finally {
      process.env['CONCORD_GRACE_MS'] = String(GRACE_MS);
    }
  });

  it('is a new one after its folder was deleted under it, and the old one ends without touching it', async () => {
    const oldGraceMs = 3_000; // Long enough for the new server to be there when the old keeper leaves.
    process.env['CONCORD_GRACE_MS'] = String(oldGraceMs);
    const old = await openEmbeddedPostgres({ dataFolder: folder.path });
    process.env['CONCORD_GRACE_MS'] = String(GRACE_MS);
    const oldServer = folder.serverPid;
    await old.release();
    const released = Date.now();
    rmSync(folder.path, { recursive: true, maxRetries: 10, retryDelay: 20 });

    const lease = await openEmbeddedPostgres({ dataFolder: folder.path });
    const server = folder.serverPid;
    await sleep(released + oldGraceMs + 500 - Date.now());
    await eventually(() => !isAlive(oldServer), 'the old server is gone');
    expect(folder.serverPid).toBe(server);
    expect(await ask(lease.url, 'SELECT 1')).toBe(1);
    await lease.release();
  });

  it('ignores and removes a half-done initialisation', async () => {
    const leftover = join(folder.cluster.replace(/postgres$/, 'postgres.new-0123'));
    mkdirSync(join(leftover, 'base'), { recursive: true });
    writeFileSync(join(leftover, 'PG_VERSION'), '18\n');
    const lines: string[] = [];
    const lease = await openEmbeddedPostgres({ dataFolder: folder.path, onProgress: (line) => lines.push(line) });
    expect(await ask(lease.url, 'SELECT current_database()')).toBe('concord');
    expect(readdirSync(folder.path).filter((name) => name.includes('.new-'))).toEqual([]);
    expect(lines.join()).toMatch(/^initialising PostgreSQL \d+\.\d+ in .*postgres \(once\)$/);
    await lease.release();
  });

  it('refuses a folder of another major version, and leaves it as it is', async () => {
    mkdirSync(folder.cluster, { recursive: true });
    writeFileSync(join(folder.cluster, 'PG_VERSION'), '12\n');
    const opening = openEmbeddedPostgres({ dataFolder: folder.path });
    await expect(opening).rejects.toThrow(EmbeddedPostgresError);
    await expect(opening).rejects.toThrow(/made by PostgreSQL 12.*CONCORD_DATA.*DATABASE_URL/s);
    expect(readdirSync(folder.cluster)).toEqual(['PG_VERSION']);
  });
});

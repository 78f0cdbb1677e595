import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { DataFolder, eventually } from '../../../../test/fixtures/data-folder.js';
import { ended, type ProcessUnderTest, startProcess } from '../../../../test/fixtures/process-under-test.js';
import { openEmbeddedPostgres, type PostgresLease } from './open-postgres.js';

process.env['CONCORD_GRACE_MS'] = '200';

type User = ProcessUnderTest<{ url: string }>;

let folder: DataFolder;
let committed = 0;

const startUser = (): Promise<User> => startProcess('postgres-user.ts', folder.path);
const open = (): Promise<PostgresLease> => openEmbeddedPostgres({ dataFolder: folder.path });

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  client.on('error', () => undefined); // The server gets killed.
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' });
    return rows[0]?.[0];
  } finally {
    await client.end();
  }
}

async function commit(url: string): Promise<void> {
  await query(url, 'CREATE TABLE IF NOT EXISTS kept (number int)');
  await query(url, `INSERT INTO kept VALUES (${(committed += 1)})`);
}

async function expectWorkingServer(): Promise<void> {
  const lease = await open();
  if (committed > 0) expect(await query(lease.url, 'SELECT max(number) FROM kept')).toBe(committed);
  await lease.release();
  await eventually(() => !folder.isServed && folder.serverPid === 0, 'the server has stopped cleanly');
}

beforeAll(() => (folder = new DataFolder()));
afterAll(() => folder.remove());

describe('after kill -9', () => {
  const parts = ['user', 'keeper', 'server'] as const;
  const combinations = [1, 2, 3, 4, 5, 6, 7].map((bits) => parts.filter((_part, index) => bits & (1 << index)));

  it.each(combinations.map((killed) => [killed.join(' and '), killed] as const))(
    'of %s, the next start finds what was committed',
    async (_name, killed) => {
      const user = await startUser();
      await commit(user.message.url);
      const pids = { user: user.process.pid ?? 0, keeper: folder.keeperPid, server: folder.serverPid };
      folder.kill(...killed.map((part) => pids[part]));
      if (!killed.includes('user')) {
        // It gets everything back without doing anything, at the address it knows.
        await eventually(() => folder.keeperPid !== pids.keeper || !killed.includes('keeper'), 'a new keeper');
        await eventuallyServes(user.message.url);
      }
      user.process.kill();
      await ended(user.process);
      await expectWorkingServer();
    },
  );

  async function eventuallyServes(url: string): Promise<void> {
    for (const deadline = Date.now() + 10_000; ;) {
      try {
        expect(await query(url, 'SELECT max(number) FROM kept')).toBe(committed);
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  it('of the only user, the server is stopped', async () => {
    const user = await startUser();
    folder.kill(user.process.pid ?? 0);
    await eventually(() => !folder.isServed, 'the server is gone', 5_000);
  });

  it('of the keeper, its successor adopts the running server and stops it after the last user', async () => {
    const user = await startUser();
    const [keeper, server] = [folder.keeperPid, folder.serverPid];
    folder.kill(keeper);
    await eventually(() => folder.keeperPid !== keeper, 'a new keeper');
    const lease = await open();
    expect(lease.url).toBe(user.message.url);
    expect(folder.serverPid).toBe(server);
    await lease.release();
    user.process.send('leave');
    await eventually(() => !folder.isServed, 'the server is gone', 5_000);
  });

  it('of a server whose backend does not notice, the backend is ended and the server comes back', async () => {
    const lease = await open();
    const busy = new pg.Client(lease.url);
    busy.on('error', () => undefined);
    await busy.connect();
    const work = busy.query('SELECT count(*) FROM generate_series(1, 1e12::bigint)').catch((error: unknown) => error);
    await eventuallyServes(lease.url);
    const server = folder.serverPid;
    folder.kill(server);
    await eventually(() => folder.serverPid !== server && folder.isServed, 'the server is back', 20_000);
    expect(await work).toBeInstanceOf(Error);
    await eventuallyServes(lease.url);
    await lease.release();
    await eventually(() => !folder.isServed, 'the server is gone');
  });
});

describe('a stale postmaster.pid', () => {
  let other: ChildProcess | undefined;
  afterEach(() => other?.kill('SIGKILL'));

  // Of the server's user, as in a restarted container: PostgreSQL by itself takes any such process for a server.
  async function startBystander(argv0: string): Promise<number> {
    const { uid, gid } = statSync(folder.cluster);
    const identity = process.getuid?.() === 0 ? { uid, gid } : {};
    other = spawn('sleep', ['60'], { ...identity, argv0, cwd: '/', stdio: 'ignore' });
    await once(other, 'spawn');
    return other.pid ?? 0;
  }

  async function crash(pidFile: (old: string) => string): Promise<void> {
    const lease = await open();
    await commit(lease.url);
    const path = join(folder.cluster, 'postmaster.pid');
    const old = readFileSync(path, 'utf8');
    folder.kill(folder.keeperPid, folder.serverPid);
    await lease.release();
    await eventually(() => !folder.isServed, 'the server is dead');
    writeFileSync(path, pidFile(old));
  }

  it('with the pid of an unrelated process is overcome, and the process left alone', async () => {
    const pid = await startBystander('sleep');
    await crash((old) => old.replace(/^\d+/, String(pid)));
    await expectWorkingServer();
    expect(other?.exitCode ?? other?.signalCode).toBeNull();
  });

  it('with the pid of a process that is called like a server is overcome', async () => {
    const pid = await startBystander('postgres');
    await crash((old) => old.replace(/^\d+/, String(pid)));
    await expectWorkingServer();
    expect(other?.exitCode ?? other?.signalCode).toBeNull();
  });

  it("with the pid of this test's own process is overcome", async () => {
    await crash((old) => old.replace(/^\d+/, String(process.pid)));
    await expectWorkingServer();
  });

  it('with the pid of the server of another folder is overcome, and that server left alone', async () => {
    const neighbour = new DataFolder();
    const lease = await openEmbeddedPostgres({ dataFolder: neighbour.path });
    await crash((old) => old.replace(/^\d+/, String(neighbour.serverPid)));
    await expectWorkingServer();
    expect(await query(lease.url, 'SELECT 1')).toBe(1);
    await lease.release();
    await neighbour.remove();
  });

  it('without content is overcome', async () => {
    await crash(() => '');
    await expectWorkingServer();
  });
});

// kill -9 of real processes, at random moments, as often as it takes: in the end everything is there, and nothing twice.
// CRASH_SEED=<number> repeats the moments of a run, CRASH_KILLS=<number> makes it a longer one.
import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { Projections } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import pg from 'pg';
import { BankModule } from '../../apps/bank/src/bank.module.js';
import { importFolder } from '../../apps/bank/src/cli/import/import-folder.js';
import { ImportSource } from '../../apps/bank/src/cli/import/import-source.js';
import { type Run, startFile, startTool } from '../fixtures/import/command-line.js';
import { runTool } from '../fixtures/in-process.js';
import { generateFiles, importFolderOf, randomFrom, removeImportFolders } from '../fixtures/import/import-folder.js';

const TENANT = 'crash';
const KILLS = Number(process.env['CRASH_KILLS'] ?? 3);
const ASYNC = ['ledger.statement', 'ledger.totals'];
const files = generateFiles({ accounts: 30, transactions: 2000 });
const events = files.districts.length + files.accounts.length + files.transactions.length;
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);
const random = randomFrom(seed);

// Each test starts a dozen processes.
const SLOW = 180_000;

let folder: string;
let undisturbed: Site;
const sites: Site[] = [];

/** A database, looked at from beside the processes that work on it. */
class Site {
  private constructor(
    readonly database: TestDatabase,
    private readonly client: pg.Client,
  ) {}

  static async create(): Promise<Site> {
    const database = await createTestDatabase();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const site = new Site(database, client);
    sites.push(site);
    return site;
  }

  import(): Run {
    return startTool('import', this.database.url, '--dir', folder, '--tenant', TENANT);
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.client.query<{ count: string }>(`SELECT count(*) FROM ${table}`);
    return Number(rows[0]?.count);
  }

  /** Every stream, in its order. */
  async streams(): Promise<unknown[]> {
    const { rows } = await this.client.query<Record<string, unknown>>(
      `SELECT stream_name, stream_position, event_id, event_type, data::text AS data FROM concord.events
        ORDER BY stream_name, stream_position`,
    );
    return rows;
  }

  /** The digests of all read models, once they are up to date; and again after a rebuild when asked. */
  async digests({ rebuild = false } = {}): Promise<Record<string, string>> {
    const app = await NestFactory.createApplicationContext(BankModule.forRoot({ url: this.database.url }), {
      logger: false,
      abortOnError: false,
    });
    const projections = app.get(Projections);
    const digests: Record<string, string> = {};
    const { rows } = await this.client.query<{ head: string }>(
      'SELECT max(global_position) AS head FROM concord.events',
    );
    await runInTenant(TENANT, async () => {
      for (const { name } of projections.all) {
        expect(await projections.waitFor(name, BigInt(rows[0]!.head), 20_000)).toBe(true);
        if (rebuild) await projections.rebuild(name, { tenantId: TENANT });
        digests[name] = await projections.digest(name, TENANT);
      }
    });
    await app.close();
    return digests;
  }

  async remove(): Promise<void> {
    await this.client.end();
    await this.database.drop();
  }
}

/** Kills a process a moment after `grown` is true, unless it has ended before. */
async function killWhen(run: Run, grown: () => Promise<boolean>, delay: number): Promise<void> {
  while (run.process.exitCode === null && !(await grown())) await sleep(2);
  await sleep(delay);
  run.process.kill('SIGKILL');
  await run.ended;
}

beforeAll(async () => {
  process.stderr.write(`import-crash: CRASH_SEED=${seed}\n`);
  folder = importFolderOf(files);
  undisturbed = await Site.create();
  const { code, err } = await runTool('import', undisturbed.database.url, '--dir', folder, '--tenant', TENANT);
  if (code !== 0) throw new Error(err);
}, SLOW);
afterAll(async () => {
  await Promise.all(sites.map((site) => site.remove()));
  removeImportFolders();
});

it(
  'an undisturbed import adds one event a row',
  async () => {
    expect(await undisturbed.count('concord.events')).toBe(events);
  },
  SLOW,
);

it(
  'an importer that is killed again and again ends where an undisturbed one does',
  async () => {
    const site = await Site.create();
    await killWhen(site.import(), async () => true, random() * 1500); // Somewhere between its start and its first rows.
    const reached: number[] = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const before = await site.count('concord.events');
      const enough = before + Math.floor(random() * ((events - before) / (KILLS + 1 - kill)));
      await killWhen(site.import(), async () => (await site.count('concord.events')) > enough, random() * 50);
      reached.push(await site.count('concord.events'));
    }
    // Else this test would prove nothing.
    expect(reached.filter((count) => count > 0 && count < events).length).toBeGreaterThan(1);
    const { code, out } = await site.import().ended;
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('already there') });
    expect(await site.streams()).toEqual(await undisturbed.streams());
    expect(await site.digests()).toEqual(await undisturbed.digests());
    const again = await runTool('import', site.database.url, '--dir', folder, '--tenant', TENANT);
    expect(again.out).toMatch(/transactions\.csv +0 +2000 +0/);
    expect(await site.count('concord.events')).toBe(events);
  },
  SLOW,
);

it(
  'two importers at once, one of them killed, add nothing twice',
  async () => {
    const site = await Site.create();
    const [one, other] = [site.import(), site.import()];
    await killWhen(one, async () => (await site.count('concord.events')) > events / 4, random() * 50);
    expect((await other.ended).code).toBe(0);
    expect(await site.digests()).toEqual(await undisturbed.digests());
    expect(await site.count('concord.events')).toBe(events);
  },
  SLOW,
);

it(
  'an app that is killed in the middle of projecting goes on after a restart, and ends equal to a rebuild',
  async () => {
    const site = await Site.create();
    const quiet = BankModule.forRoot({ url: site.database.url, runProjections: false });
    const app = await NestFactory.createApplicationContext(quiet, { logger: false, abortOnError: false });
    const source = await ImportSource.open(folder);
    const options = { currency: 'CZK', concurrency: 16 };
    await runInTenant(TENANT, async () => importFolder(app, source, await source.survey(), options));
    await app.close();
    expect(await site.count('bank.statement_lines')).toBe(0);

    const reached: number[] = [];
    for (let kill = 1; kill <= 3; kill += 1) {
      const before = await site.count('bank.statement_lines');
      const projecting = startFile('test/fixtures/import/projecting-app.ts', site.database.url);
      const grown = async (): Promise<boolean> => (await site.count('bank.statement_lines')) > before;
      await killWhen(projecting, before === files.transactions.length ? async () => true : grown, random() * 5);
      reached.push(await site.count('bank.statement_lines'));
    }
    expect(reached[0]).toBeLessThan(files.transactions.length);

    const digests = await site.digests();
    expect(await site.digests({ rebuild: true })).toEqual(digests);
    expect(digests).toEqual(await undisturbed.digests());
    expect(Object.keys(digests)).toEqual(expect.arrayContaining(ASYNC));
  },
  SLOW,
);

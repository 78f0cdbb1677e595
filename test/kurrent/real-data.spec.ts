// Forty accounts of the real bank, with the events on KurrentDB: import, import again, verify, replay.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { startTool } from '../fixtures/import/command-line.js';
import { runTool } from '../fixtures/in-process.js';
import { importFolderOf, removeImportFolders } from '../fixtures/import/import-folder.js';

const BERKA = process.env['BERKA_DIR'] ?? fileURLToPath(new URL('../../../shared/data/berka', import.meta.url));
const withBerka = existsSync(BERKA) ? it : it.skip;
const MINUTES = 60_000;

afterAll(removeImportFolders);

function someAccounts(count: number): { readonly folder: string; readonly rows: number } {
  const rowsOf = (name: string): string[] =>
    readFileSync(join(BERKA, `${name}.csv`), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
  const accounts = rowsOf('accounts').slice(0, count);
  const ids = new Set(accounts.map((row) => row.split(',')[0]));
  const transactions = rowsOf('transactions').filter((row) => ids.has(row.split(',')[1]));
  return {
    folder: importFolderOf({ districts: rowsOf('districts'), accounts, transactions }),
    rows: transactions.length,
  };
}

withBerka(
  `imports, verifies to the haléř, and replays to the same digests (data: ${BERKA})`,
  async () => {
    const [events, models] = [await createTestDatabase(), await createTestDatabase()];
    const environment = { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' };
    const server = await startEventStoreServer({ url: events.url, environment });
    const { folder, rows } = someAccounts(40);
    process.env['EVENTSTORE_URL'] = server.connectionString;
    try {
      const run = (tool: string, ...args: string[]) => runTool(tool, models.url, ...args, '--tenant', 'berka');
      const first = await startTool('import', models.url, '--dir', folder, '--tenant', 'berka').ended;
      expect(first).toMatchObject({ code: 0, out: expect.stringMatching(`transactions\\.csv +${rows} +0 +0`) });
      const second = await run('import', '--dir', folder);
      expect(second).toMatchObject({ code: 0, out: expect.stringMatching(`transactions\\.csv +0 +${rows} +0`) });
      const verified = await run('verify', '--dir', folder);
      expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('40 accounts compared, 40 exact') });
      for (const name of ['ledger.accounts', 'ledger.districts', 'ledger.statement', 'ledger.totals']) {
        const replayed = await run('replay', '--projection', name);
        expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining('equal') });
      }
    } finally {
      delete process.env['EVENTSTORE_URL'];
      await server.close();
      await Promise.all([events.drop(), models.drop()]);
    }
  },
  10 * MINUTES,
);

// The real bank transactions, through the tools that users have: import, import again, verify, replay.
// BERKA_ACCOUNTS=804 takes all accounts: npm run test:real-data
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { BERKA, someAccounts, withBerka } from '../fixtures/import/berka.js';
import { startTool } from '../fixtures/import/command-line.js';
import { removeImportFolders } from '../fixtures/import/import-folder.js';
import { runTool } from '../fixtures/in-process.js';

const ACCOUNTS = Number(process.env['BERKA_ACCOUNTS'] ?? 150);
const MINUTES = 60_000;

let database: TestDatabase;
beforeAll(async () => (database = await createTestDatabase()));
afterAll(async () => {
  await database.drop();
  removeImportFolders();
});

withBerka(
  `imports, verifies to the haléř, and replays to the same digests (${ACCOUNTS} accounts of ${BERKA})`,
  async () => {
    const { folder, accounts, transactions } = someAccounts(ACCOUNTS);
    const run = (tool: string, ...args: string[]) => runTool(tool, database.url, ...args, '--tenant', 'berka');

    const first = await startTool('import', database.url, '--dir', folder, '--tenant', 'berka').ended;
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(`transactions\\.csv +${transactions} +0 +0`) });
    const second = await run('import', '--dir', folder);
    expect(second).toMatchObject({ code: 0, out: expect.stringMatching(`transactions\\.csv +0 +${transactions} +0`) });

    const verified = await run('verify', '--dir', folder);
    const all = `${accounts} accounts compared, ${accounts} exact`;
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining(all) });

    for (const name of ['ledger.accounts', 'ledger.districts', 'ledger.statement', 'ledger.totals']) {
      const replayed = await run('replay', '--projection', name);
      expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining('equal') });
    }
  },
  15 * MINUTES,
);

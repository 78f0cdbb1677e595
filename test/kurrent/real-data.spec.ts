// Forty accounts of the real bank, with the events on KurrentDB: import, import again, verify, replay.
import { createTestDatabase } from '@concord/testing';
import { startEventStoreServer } from '../../apps/eventstore/src/start-server.js';
import { BERKA, someAccounts, withBerka } from '../fixtures/import/berka.js';
import { startTool } from '../fixtures/import/command-line.js';
import { removeImportFolders } from '../fixtures/import/import-folder.js';
import { runTool } from '../fixtures/in-process.js';

const MINUTES = 60_000;

afterAll(removeImportFolders);

withBerka(
  `imports, verifies to the haléř, and replays to the same digests (data: ${BERKA})`,
  async () => {
    const [events, models] = [await createTestDatabase(), await createTestDatabase()];
    const environment = { EVENTSTORE_PORT: '0', LOG_LEVEL: 'silent' };
    const server = await startEventStoreServer({ url: events.url, environment });
    const { folder, transactions: rows } = someAccounts(40);
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

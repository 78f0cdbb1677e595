// The real bank transactions, through the tools that users have: import, import again, verify, replay.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { startTool } from '../fixtures/import/command-line.js';
import { runTool } from '../fixtures/in-process.js';

const BERKA = process.env['BERKA_DIR'] ?? fileURLToPath(new URL('../../../shared/data/berka', import.meta.url));
const withBerka = existsSync(BERKA) ? it : it.skip;
const MINUTES = 60_000;

let database: TestDatabase;
beforeAll(async () => (database = await createTestDatabase()));
afterAll(() => database.drop());

withBerka(
  `imports, verifies to the haléř for all 804 accounts, and replays to the same digests (data: ${BERKA})`,
  async () => {
    const run = (tool: string, ...args: string[]) => runTool(tool, database.url, ...args, '--tenant', 'berka');

    const first = await startTool('import', database.url, '--dir', BERKA, '--tenant', 'berka').ended;
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/transactions\.csv +31530 +0 +0/) });
    const second = await run('import', '--dir', BERKA);
    expect(second).toMatchObject({ code: 0, out: expect.stringMatching(/transactions\.csv +0 +31530 +0/) });

    const verified = await run('verify', '--dir', BERKA);
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('804 accounts compared, 804 exact') });

    for (const name of ['ledger.accounts', 'ledger.districts', 'ledger.statement', 'ledger.totals']) {
      const replayed = await run('replay', '--projection', name);
      expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining('equal') });
    }
  },
  5 * MINUTES,
);

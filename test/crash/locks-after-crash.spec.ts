// When PostgreSQL is killed, locks are gone, but for prepared ones; and fencing tokens go on growing.
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { newId, type StreamName } from '@concord/kernel';
import { type Acquired, type LockOwner, PostgresLockService } from '@concord/locking';
import { runInTenant } from '@concord/tenancy';
import { Logger } from '@nestjs/common';
import { EmbeddedServer } from '../torture/embedded-server.js';

let server: EmbeddedServer;
let opened: OpenDatabase;

beforeAll(async () => {
  Logger.overrideLogger(false); // Connections are lost here, on purpose.
  server = await EmbeddedServer.start();
  opened = await openDatabase({ url: server.url, poolSize: 4 });
}, 60_000);
afterAll(async () => {
  await opened.close();
  await server.remove();
});

it('prepared locks and the order of tokens survive kill -9, other locks do not', async () => {
  const { database } = opened;
  const before = new PostgresLockService(database);
  const [plain, prepared] = [`lock-${newId()}`, `lock-${newId()}`] as const;
  const [loser, winner] = [before.begin(), before.begin()];
  const token = tokenOf(await acquire(before, loser, plain));
  await acquire(before, winner, prepared);
  await database.transaction(() => before.prepare(winner));
  await server.kill(true);

  const after = new PostgresLockService(database);
  for (const deadline = Date.now() + 30_000; ;) {
    try {
      expect((await after.locks()).map(({ stream, owner }) => [stream, owner])).toEqual([[prepared, winner.id]]);
      break;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
    }
  }
  const next = after.begin();
  expect(tokenOf(await acquire(after, next, plain))).toBeGreaterThan(token);
  // Who had it before the crash hears of it, and can commit nothing.
  await expect(database.transaction(() => before.fence(loser))).rejects.toMatchObject({ code: 'ownership-lost' });
  expect(await acquire(before, loser, `lock-${newId()}`)).toMatchObject({
    outcome: 'refused',
    error: { code: 'lease-lost' },
  });
  // Also by an older one, and by no lease.
  const older = { ...after.again(loser) };
  expect(await acquire(after, older, prepared)).toMatchObject({
    outcome: 'refused',
    error: { code: 'lock-wait-timeout', holders: [{ owner: winner.id, prepared: true }] },
  });
  await database.transaction(() => after.releasePrepared(winner.id));
  expect(await acquire(after, older, prepared)).toMatchObject({ outcome: 'granted' });
  await Promise.all([before.close(), after.close()]);
}, 60_000);

function acquire(service: PostgresLockService, owner: LockOwner, stream: StreamName): Promise<Acquired> {
  return runInTenant('crashed', () => service.acquire(owner, [{ stream, mode: 'X' }], { waitMs: 1000 }));
}

function tokenOf(acquired: Acquired): bigint {
  if (acquired.outcome === 'refused') throw acquired.error;
  return acquired.locks[0]!.fencingToken;
}

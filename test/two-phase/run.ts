// The long form of crash.spec.ts, on a PostgreSQL of its own which is killed, too: rounds at random until the time is over.
// npm run transactions:crash -- --minutes 5
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { failpoints } from '@concord/coordination';
import { ensureTemplate } from '@concord/testing';
import { EmbeddedServer } from '../torture/embedded-server.js';
import { killCoordinatorAt } from './victims.js';
import { World } from './world.js';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '5' } } });
const until = Date.now() + Number(values.minutes) * 60_000;
const points = failpoints.names.filter((point) => !point.startsWith('recovery.'));

Logger.overrideLogger(false); // Connections are lost here, on purpose.
const server = await EmbeddedServer.start();
process.env['CONCORD_TEST_URL'] = server.url;
process.env['CONCORD_TEST_TEMPLATE'] = await ensureTemplate(server.url);
const world = await World.open();
await world.startService();
const filled: string[] = [];
let rounds = 0;
try {
  while (Date.now() < until) {
    const purse = `round${(rounds += 1)}`;
    await world.fill(purse, 100_000n);
    filled.push(purse);
    const point = points[Math.floor(Math.random() * points.length)] ?? 'coordinator.decided';
    const bystander = killCoordinatorAt(point, { ...world.settings, purse, rounds: 1000 }).catch(
      (error: unknown) => error,
    );
    const killsServer = rounds % 3 === 0;
    const killsService = rounds % 3 === 1;
    if (killsServer) await sleep(1000 + Math.random() * 3000).then(() => server.kill(true));
    if (killsService) {
      await sleep(1000 + Math.random() * 3000);
      await world.stopService();
      await world.startService();
    }
    await bystander;
    await world.judge(filled);
    const also = killsServer ? ', PostgreSQL killed' : killsService ? ', service killed' : '';
    process.stdout.write(`round ${rounds}: coordinator killed at ${point}${also}: nothing in doubt, nothing lost\n`);
  }
} finally {
  await world.close();
  await server.remove();
}

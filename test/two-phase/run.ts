// The long form of crash.spec.ts, on a PostgreSQL of its own which is killed, too: every step of the protocol, with each of the
// ways in which processes and servers die around it. npm run transactions:crash -- --cycles 2
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { failpoints } from '@concord/coordination';
import { ensureTemplate } from '@concord/testing';
import { EmbeddedServer } from '../torture/embedded-server.js';
import { type Failpoint, killCoordinatorAt, stopCoordinatorAt, type TransferOrders } from './victims.js';
import { World } from './world.js';

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '1' }, verbose: { type: 'boolean' } } });
const cycles = Number(values.cycles);
if (!(Number.isInteger(cycles) && cycles > 0))
  throw new Error(`--cycles ${values.cycles}: give a whole number above 0`);

Logger.overrideLogger(false); // Connections are lost here, on purpose.
if (!values.verbose) process.removeAllListeners('warning');
const server = await EmbeddedServer.start();
process.env['CONCORD_TEST_URL'] = server.url;
process.env['CONCORD_TEST_TEMPLATE'] = await ensureTemplate(server.url);
const world = await World.open();
await world.startService();

type Orders = Omit<TransferOrders, 'failpoint'>;
type Way = (point: Failpoint, orders: Orders) => Promise<void>;

const LONGER_THAN_A_LEASE_MS = 3_000;

/** What happens when a coordinator comes to the point. */
const WAYS: readonly (readonly [string, Way])[] = [
  ['coordinator killed', killCoordinatorAt],
  [
    'coordinator and service killed',
    async (point, orders) => {
      await killCoordinatorAt(point, orders);
      await world.stopService();
      await world.startService();
    },
  ],
  [
    'coordinator and PostgreSQL killed',
    async (point, orders) => {
      await killCoordinatorAt(point, orders);
      await server.kill(true);
    },
  ],
  [
    'coordinator stopped, PostgreSQL killed',
    (point, orders) => stopCoordinatorAt(point, orders, () => server.kill(true)),
  ],
  [
    'coordinator stopped for longer than a lease',
    (point, orders) => stopCoordinatorAt(point, orders, () => sleep(LONGER_THAN_A_LEASE_MS)),
  ],
];

/** Who takes over is killed in its turn: there is to be something to take over. */
function taken(way: Way): Way {
  return async (point, orders) => {
    await world.side.coordinator.stop();
    try {
      await killCoordinatorAt('coordinator.decided', orders);
      const due = { text: `update concord.transactions set next_attempt_at = now() where state <> 'preparing'` };
      await world.side.a.database.query(due);
      await way(point, { ...orders, rounds: 0, recovers: true });
    } finally {
      await world.side.coordinator.start();
    }
  };
}

// An operator's steps come about in no transfer: operator-crash.spec.ts.
const steps = failpoints.names.filter((point) => !point.startsWith('operator.'));
const rounds = steps.flatMap((point) =>
  WAYS.map(([name, way]) => ({ point, name, way: point.startsWith('recovery.') ? taken(way) : way })),
);
const filled: string[] = [];
try {
  for (let cycle = 1; cycle <= cycles; cycle += 1) {
    for (const [index, { point, name, way }] of rounds.entries()) {
      const purse = `cycle${cycle}round${index}`;
      await world.fill(purse, 100_000n);
      filled.push(purse);
      await way(point, { ...world.settings, purse, rounds: 1000 });
      const began = Date.now();
      const acknowledged = await world.judge(filled);
      const settled = `settled ${Date.now() - began} ms later`;
      process.stdout.write(
        `${cycle}.${index + 1} of ${rounds.length} ${point}: ${name}; ${settled}, all ${acknowledged} there\n`,
      );
    }
  }
} finally {
  await world.close();
  await server.remove();
}

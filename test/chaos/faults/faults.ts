// What happens to workers, servers and the wires between them. Each fault has ended when its promise resolves.
import { setTimeout as sleep } from 'node:timers/promises';
import { ended } from '../../fixtures/process-under-test.js';
import type { EmbeddedServer } from '../../torture/embedded-server.js';
import type { Dice } from '../../torture/model.js';
import type { Worker, Workers } from './workers.js';

export interface Scene {
  readonly dice: Dice;
  readonly workers: Workers;
  readonly servers: readonly EmbeddedServer[];
  /** How long a process is stopped: longer than a lease. */
  readonly stopMs: number;
}

export type Fault = (scene: Scene) => Promise<void>;

/** A point that nobody passes in this time is given up. */
const POINT_MS = 2_000;
const DELAYS_MS = [20, 200];

type NamedFault = readonly [name: string, fault: Fault];

/** Those at the points of a workload at which a worker can die. */
export function killsOf(points: readonly string[]): readonly NamedFault[] {
  return points.map((point) => [`kill -9 of a worker at "${point}"`, killAt(point)]);
}

/** In turns, so that a short run has some of each. `points`: where a worker of the workload can die. */
export function faultsOf(points: readonly string[]): readonly NamedFault[] {
  const atPoints = killsOf(points);
  const others: readonly NamedFault[] = [
    ['kill -9 of PostgreSQL', killServer],
    ['cut connections', cut],
    ['SIGSTOP, SIGCONT of a worker', stop],
    ['kill -9 of a worker', kill],
    ['slow connections', delay],
    ['kill -9 of a backend', killBackend],
  ];
  const turns = Math.max(others.length, atPoints.length);
  return Array.from({ length: turns }, (_, turn) => [others[turn % others.length], atPoints[turn]])
    .flat()
    .filter((fault) => fault !== undefined);
}

const kill: Fault = ({ dice, workers }) => workers.replace(dice.below(workers.all.length));

function killAt(point: string): Fault {
  return async (scene) => {
    const place = scene.dice.below(scene.workers.all.length);
    const worker = scene.workers.all[place];
    worker?.tell({ dieAt: point });
    if (worker) await Promise.race([ended(worker.process), sleep(POINT_MS, undefined, { ref: false })]);
    await scene.workers.replace(place);
  };
}

const stop: Fault = async (scene) => {
  const { process } = anyWorker(scene);
  process.kill('SIGSTOP');
  await sleep(scene.stopMs);
  process.kill('SIGCONT');
};

const killServer: Fault = ({ dice, servers }) => dice.of(servers).kill(dice.below(2) === 0);

const killBackend: Fault = ({ dice, servers }) => dice.of(servers).killBackend((pids) => dice.of(pids));

const cut: Fault = async (scene) => {
  for (const wire of anyWorker(scene).wires) wire.cut();
};

const delay: Fault = async (scene) => {
  const { wires } = anyWorker(scene);
  for (const wire of wires) wire.delay(scene.dice.of(DELAYS_MS));
  await sleep(1_000);
  for (const wire of wires) wire.delay(0);
};

function anyWorker({ dice, workers }: Scene): Worker {
  return dice.of(workers.all);
}

// Two-phase commit that is broken in two ways, each of which is harmless until a process dies at the wrong moment: here it does, and
// checker and judge are to notice. Ends with 0 when both were reported. npm run chaos:broken
import { Logger } from '@nestjs/common';
import { chaos } from './chaos.js';

interface Broken {
  readonly weakening: string;
  readonly killsAt: string;
  /** What is to be among the faults besides the anomalies. */
  readonly fault: string;
}

const MODES: readonly Broken[] = [
  // The yes of a store dies with the process: what was decided is done in the other one only.
  { weakening: 'prepare-not-durable', killsAt: 'coordinator.decided', fault: '' },
  // A store has committed, and the log says that nothing was decided: the others abort.
  { weakening: 'decision-after-send', killsAt: 'coordinator.voted', fault: 'participants disagree' },
];
const TELLING = /^(G-single|G2|wrong-total)/;

Logger.overrideLogger(false);
for (const { weakening, killsAt, fault } of MODES) {
  const { verdict, faults } = await chaos({
    seed: 3,
    seconds: 7,
    workers: 2,
    stores: 2,
    workload: 'two-phase',
    atLeast: 0,
    stopMs: 0,
    hasFaults: true,
    weakening,
    killsAt: [killsAt],
    settledWithinMs: 5_000,
  });
  const types = [...new Set(verdict.anomalies.map(({ type }) => type))].filter((type) => TELLING.test(type));
  const isReported = types.length > 0 && (fault === '' || faults.some((one) => one.includes(fault)));
  const found = types.length > 0 ? types.join(', ') : 'no anomaly';
  process.stdout.write(`${weakening}, killed at ${killsAt}: ${found}; ${faults.length} faults\n`);
  if (!isReported) process.exitCode = 1;
}

// Two-phase commit that is broken in two ways, each of which is harmless until a process dies at the wrong moment: here it does.
import { chaos, type ChaosResult } from './chaos.js';

function broken(weakening: string, killsAt: readonly string[]): Promise<ChaosResult> {
  return chaos({
    seed: 3,
    seconds: 7,
    workers: 2,
    stores: 2,
    workload: 'two-phase',
    atLeast: 0,
    stopMs: 0,
    hasFaults: true,
    weakening,
    killsAt,
    settledWithinMs: 5_000,
  });
}

it.each([
  // The yes of a store dies with the process: what was decided is done in the other one only.
  ['prepare-not-durable', 'coordinator.decided'],
  // A store has committed, and the log says that nothing was decided: the others abort.
  ['decision-after-send', 'coordinator.voted'],
])(
  'reports %s',
  async (weakening, point) => {
    const { verdict, faults } = await broken(weakening, [point]);
    const types = verdict.anomalies.map(({ type }) => type.replace(/-(process|realtime)$/, ''));
    expect(types.filter((type) => ['G-single', 'G2', 'wrong-total'].includes(type))).not.toEqual([]);
    if (weakening === 'decision-after-send')
      expect(faults).toContainEqual(expect.stringContaining('participants disagree'));
  },
  90_000,
);

// Points of the protocol at which a process can be made to fail, for tests and drills: CONCORD_FAILPOINT=<name>:<action>,
// several with commas. Without that variable a point costs one look at an empty map.
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgument } from '@concord/kernel';

/** Every step of the protocol, in its order. docs/reference/two-phase-commit.md says what each means. */
const NAMES = [
  'coordinator.begun',
  'coordinator.read-only-left',
  'coordinator.voted',
  'coordinator.decided',
  'coordinator.one-told',
  'coordinator.all-told',
  'coordinator.forgotten',
  'coordinator.aborting',
  'coordinator.abort-decided',
  'coordinator.abort-told',
  'participant.prepare-received',
  'participant.prepared',
  'participant.commit-received',
  'participant.committed',
  'participant.abort-received',
  'participant.aborted',
  'recovery.claimed',
  'recovery.told',
  'operator.decided',
  'operator.recorded',
  'operator.carried-out',
] as const;

/** The name of a step. */
export type Failpoint = (typeof NAMES)[number];

const ACTIONS: Readonly<Record<string, (argument: number) => void | Promise<void>>> = {
  kill: () => kill('SIGKILL'),
  stop: () => kill('SIGSTOP'),
  sleep: async (milliseconds) => {
    await sleep(milliseconds);
  },
  error: () => {
    throw new Error('a failpoint says so');
  },
};

const points = new Map<Failpoint, () => void | Promise<void>>();
for (const spec of (process.env['CONCORD_FAILPOINT'] ?? '').split(',').filter(Boolean)) add(spec);

/** `<name>:kill`, `:stop`, `:error` or `:sleep:<milliseconds>`. Errors: InvalidArgument: a point that never fails tests nothing. */
function add(spec: string): void {
  const [name = '', action = '', argument = '0'] = spec.trim().split(':');
  const known = NAMES.find((point) => point === name);
  const act = ACTIONS[action];
  if (!known || !act || !/^\d{1,6}$/.test(argument)) {
    const actions = Object.keys(ACTIONS).join(', ');
    throw new InvalidArgument(
      `"${spec}" is no failpoint: write <name>:<action>, with an action of ${actions} and a name of ${NAMES.join(', ')}`,
    );
  }
  points.set(known, () => act(Number(argument)));
}

/** For tests: what CONCORD_FAILPOINT does, while the process runs. */
export const failpoints = {
  /** Every step, in the order of the protocol. */
  names: NAMES,
  add,
  /** Takes all of them back. */
  clear: (): void => points.clear(),
} as const;

/** Fails here, if it was told to. */
export function reached(point: Failpoint): void | Promise<void> {
  return points.get(point)?.();
}

function kill(signal: NodeJS.Signals): void | Promise<void> {
  process.kill(process.pid, signal);
  // The signal need not come before the next statement.
  if (signal === 'SIGKILL') return new Promise(() => undefined);
}

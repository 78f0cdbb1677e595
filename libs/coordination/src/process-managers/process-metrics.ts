// What telemetry hears of process managers. No metric has a tenant or an instance: there is no end of those.
import { type Database, loadSql } from '@concord/database';
import { errorTypeOf, isMetering, observe, record } from '@concord/telemetry';
import type { ProcessFailure } from './process-work.js';

/** What is done in a step. */
export type StepKind = 'take-over' | 'event' | 'timer' | 'command' | 'compensation';

interface Stepping {
  readonly kind: StepKind;
  step(): Promise<boolean>;
}

const due = loadSql(import.meta.url, 'sql/count-due-processes.sql');
const STATES = ['due', 'timer', 'retrying', 'compensating', 'quarantined'] as const;
const NAME = 'concord.process.name';

/** Does the next step and tells how long it took; a look that finds nothing to do is no step. Errors: those of the step. */
export async function tellOfStep(process: string, run: Stepping): Promise<boolean> {
  if (!isMetering()) return run.step();
  const began = performance.now();
  const tell = (failure?: object): void =>
    record('concord.process.step.duration', (performance.now() - began) / 1000, {
      [NAME]: process,
      'concord.process.step.kind': run.kind,
      ...failure,
    });
  try {
    const isDone = await run.step();
    if (isDone) tell();
    return isDone;
  } catch (error) {
    tell({ 'error.type': errorTypeOf(error) });
    throw error;
  }
}

export function tellOfTimer(process: string, lateMs: number): void {
  if (isMetering()) record('concord.process.timer.lateness', lateMs / 1000, { [NAME]: process });
}

export function tellOfFailure(process: string, outcome: ProcessFailure['outcome']): void {
  if (outcome === 'interrupted' || !isMetering()) return;
  record(outcome === 'retrying' ? 'concord.process.retries' : 'concord.process.quarantined', 1, { [NAME]: process });
}

/** Has instances counted whenever the SDK collects; returns the way to stop. What there is none of is told as 0. */
export function observeInstances(database: Database, processes: readonly string[]): () => void {
  return observe('concord.process.instances', async (result) => {
    const rows = await database.queryOutside<{ process: string; state: string; instances: number }>(due, [processes]);
    const counts = new Map(rows.map(({ process, state, instances }) => [`${process} ${state}`, instances]));
    for (const process of processes) {
      for (const state of STATES) {
        const attributes = { [NAME]: process, 'concord.process.state': state };
        result.observe(counts.get(`${process} ${state}`) ?? 0, attributes);
      }
    }
  });
}

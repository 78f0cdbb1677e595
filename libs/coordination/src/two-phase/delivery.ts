// Tells participants what was decided, until each has acknowledged; then the transaction is forgotten.
import { Logger } from '@nestjs/common';
import { withoutTrace } from '@concord/telemetry';
import type { DecisionLog, DueTransaction } from './decision-log.js';
import { OutcomeContradicted } from './errors.js';
import { type Failpoint, reached } from './failpoints.js';
import { told } from './telemetry.js';
import type { Participant } from './participant.js';

const FIRST_BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 15_000;
const CONTRADICTED_BACKOFF_MS = 60_000;

/** Where the process may fail on the way, see failpoints.ts. */
export interface DeliveryPoints {
  readonly one?: Failpoint;
  readonly all?: Failpoint;
  readonly forgotten?: Failpoint;
}

export class Delivery {
  private readonly logger = new Logger('Transactions');

  constructor(
    private readonly log: DecisionLog,
    private readonly participants: ReadonlyMap<string, Participant>,
    private readonly tellTimeoutMs: number,
  ) {}

  /** Answers who has not acknowledged; those are told again later, by whoever is there. Never rejects. */
  async tell(decided: DueTransaction, points: DeliveryPoints): Promise<string[]> {
    const failures = new Map<string, unknown>();
    await Promise.all(
      decided.unacknowledged.map(async (name) => {
        try {
          await this.tellOne(decided, name);
          if (points.one) await reached(points.one);
        } catch (error) {
          failures.set(name, error);
        }
      }),
    );
    // If it is lost, participants are told once more.
    await this.note(decided, failures, points).catch((error: unknown) =>
      this.logger.warn(`transaction ${decided.id} stays in the log for now: ${String(error)}`),
    );
    return [...failures.keys()];
  }

  private async note(decided: DueTransaction, failures: Map<string, unknown>, points: DeliveryPoints): Promise<void> {
    if (failures.size === 0) {
      if (points.all) await reached(points.all);
      await this.log.forget(decided.id);
      if (points.forgotten) await reached(points.forgotten);
      return;
    }
    const acknowledged = decided.unacknowledged.filter((name) => !failures.has(name));
    const [[name, error] = ['', undefined]] = failures;
    const message = `${name}: ${error instanceof Error ? error.message : String(error)}`;
    await this.log.acknowledge(decided.id, acknowledged, backoffOf(decided.attempts, failures), message);
  }

  private async tellOne({ id, tenant, coordinator, state }: DueTransaction, name: string): Promise<void> {
    const participant = this.participants.get(name);
    if (!participant) throw new Error('there is no participant of that name here: add it to the coordinator');
    try {
      const telling = state === 'committed' ? participant.commit(id) : participant.abort({ id, tenant, coordinator });
      await withoutTrace(() => within(telling, this.tellTimeoutMs));
    } catch (error) {
      if (error instanceof OutcomeContradicted) {
        told.contradicted();
        this.logger.error(error.message);
      }
      throw error;
    }
  }
}

function backoffOf(attempts: number, failures: ReadonlyMap<string, unknown>): number {
  const isHopeless = [...failures.values()].every((error) => error instanceof OutcomeContradicted);
  if (isHopeless) return CONTRADICTED_BACKOFF_MS;
  const full = Math.min(FIRST_BACKOFF_MS * 2 ** Math.min(attempts, 30), MOST_BACKOFF_MS);
  return full * (1 - Math.random() / 2);
}

/** Errors: that of the work, or that it took too long; it may still be done. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${milliseconds} ms`)), milliseconds);
  });
  // Nobody may be waiting for it any more.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

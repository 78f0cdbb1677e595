// Settles what others have left: a dead coordinator's decisions are delivered, what nobody decided is aborted, and who has
// prepared and heard nothing asks. Runs in every process; what one has taken up is leased, and nobody else's meanwhile.
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { withoutTrace } from '@concord/telemetry';
import type { DecisionLog } from './decision-log.js';
import type { Delivery } from './delivery.js';
import { OutcomeContradicted } from './errors.js';
import { reached } from './failpoints.js';
import type { Participant, PreparedTransaction, TransactionOutcome } from './participant.js';

/** How often recovery looks, and from when on. */
export interface RecoverySettings {
  readonly everyMs: number;
  /** How long after its deadline a transaction without a decision is aborted. */
  readonly graceMs: number;
  /** How long a participant waits for the outcome before it asks. */
  readonly askAfterMs: number;
}

const MOST_AT_ONCE = 50;
const LEASE_MS = 10_000;

/** Asks a coordinator for the outcome of a transaction; undefined: nobody here knows that coordinator. */
export type AskOutcome = (coordinator: string, id: string) => Promise<TransactionOutcome | undefined>;

/** Runs `look` again and again until it is stopped; a failure is told once, until it is gone. */
export class Rounds {
  private readonly logger = new Logger('Transactions');
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private told = '';

  constructor(
    private readonly everyMs: number,
    private readonly look: () => Promise<void>,
  ) {}

  /** The first round is over when this resolves. Keeps no process alive. */
  async start(): Promise<void> {
    if (this.running) return;
    const { signal } = (this.stopping = new AbortController());
    const first = withoutTrace(() => this.once());
    // It ends with the abort of its signal.
    this.running = first.then(() => this.run(signal)).catch(() => undefined);
    await first;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    this.running = undefined;
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(this.everyMs, undefined, { signal, ref: false });
      await withoutTrace(() => this.once());
    }
  }

  private async once(): Promise<void> {
    try {
      await this.look();
      this.told = '';
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.told) this.logger.warn(`recovery failed, and is tried again: ${message}`);
      this.told = message;
    }
  }
}

/** The coordinator's side: what is decided is delivered, and what is overdue is aborted. */
export async function settleLog(log: DecisionLog, delivery: Delivery, graceMs: number): Promise<void> {
  await log.abortOverdue(graceMs);
  for (;;) {
    const due = await log.claim(MOST_AT_ONCE, LEASE_MS);
    if (due.length > 0) await reached('recovery.claimed');
    await Promise.all(due.map((decided) => delivery.tell(decided, { one: 'recovery.told' })));
    if (due.length < MOST_AT_ONCE) return;
  }
}

/**
 * What operators have forced at a participant is done: unless its coordinator answers, whose decision comes first. Then it is
 * told as an alarm.
 */
export async function carryOutForced(participant: Participant, ask: AskOutcome): Promise<void> {
  const { forced, name } = participant;
  if (!forced) return;
  for (const one of await forced.pending(name)) {
    if (one.state === 'prepared') {
      const decided = await ask(one.coordinator, one.id).catch(() => undefined);
      if (decided === 'preparing') continue;
      const outcome = decided ?? one.outcome;
      await (outcome === 'committed' ? participant.commit(one.id) : participant.abort(one));
      await reached('operator.carried-out');
      await forced.carriedOut(one.number, outcome === one.outcome ? null : outcome);
    } else {
      // It had come to its end meanwhile.
      await forced.carriedOut(one.number, one.state === null || one.state === one.outcome ? null : one.state);
    }
  }
  await forced.alarm();
}

/** A participant's side: what it has prepared and heard nothing of, it asks for. Contradictions are told by `onError`. */
export async function askForOutcomes(
  participant: Participant,
  askAfterMs: number,
  ask: AskOutcome,
  onError: (prepared: PreparedTransaction, error: unknown) => void,
): Promise<void> {
  for (const prepared of (await participant.inDoubt?.(askAfterMs)) ?? []) {
    try {
      const outcome = await ask(prepared.coordinator, prepared.id);
      if (outcome === 'committed') await participant.commit(prepared.id);
      if (outcome === 'aborted') await participant.abort(prepared);
    } catch (error) {
      // It was told meanwhile, or nobody answers: others may.
      if (!(error instanceof OutcomeContradicted)) onError(prepared, error);
    }
  }
}

// A service's recovery: what it has prepared for others and heard nothing of, it asks them for.
import { Logger } from '@nestjs/common';
import { askForOutcomes, carryOutForced, Rounds } from '../recovery.js';
import type { TransactionOutcome } from '../participant.js';
import { assertPeer, callPeer, type TwoPhasePeer } from './caller.js';
import { parseOutcome } from './messages.js';
import type { ServiceParticipant } from './service-participant.js';

/** How a service takes part. */
export interface TwoPhaseServiceOptions {
  /** Those that may have it prepare, by name: whom it asks when it hears nothing. Others are not believed. */
  readonly coordinators: Readonly<Record<string, TwoPhasePeer>>;
  /** How often it looks; 1 second by default. */
  readonly everyMs?: number;
  /** How long after a prepare it asks; 15 seconds by default. */
  readonly askAfterMs?: number;
}

const TIMEOUT_MS = 5000;
const KEEP_SETTLED_MS = 7 * 24 * 3_600_000;
const FORGET_EVERY_MS = 60_000;

/** Keeps a service that takes part in transactions from staying in doubt. */
export class TwoPhaseService {
  private readonly rounds: Rounds;
  private readonly logger = new Logger('Transactions');
  private forgotAt = 0;

  /** Errors: InvalidArgument. */
  constructor(
    private readonly participant: ServiceParticipant,
    private readonly options: TwoPhaseServiceOptions,
  ) {
    for (const peer of Object.values(options.coordinators)) assertPeer(peer);
    this.rounds = new Rounds(options.everyMs ?? 1000, () => this.look());
  }

  /** Asks at once for what was prepared before a restart. */
  start(): Promise<void> {
    return this.rounds.start();
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async look(): Promise<void> {
    const ask = async (name: string, id: string): Promise<TransactionOutcome | undefined> => {
      const peer = this.options.coordinators[name];
      if (!peer) throw new Error(`its coordinator "${name}" is not among those of this service`);
      return parseOutcome(await callPeer(peer, 'outcome', { transaction: { id, coordinator: name } }, TIMEOUT_MS));
    };
    await carryOutForced(this.participant, ask);
    await askForOutcomes(this.participant, this.options.askAfterMs ?? 15_000, ask, ({ id }, error) =>
      this.logger.warn(`in doubt about transaction ${id}: ${String(error)}`),
    );
    if (Date.now() - this.forgotAt < FORGET_EVERY_MS) return;
    await this.participant.forgetSettled(KEEP_SETTLED_MS);
    this.forgotAt = Date.now();
  }
}

// What a distributed transaction may come to, besides its commit.
import { ConcordError } from '@concord/kernel';
import type { NoReason, TransactionOutcome } from './participant.js';

/** A participant voted no, and all of it was aborted; nothing was changed. `participant` said why. */
export class TransactionAborted extends ConcordError {
  readonly code = 'transaction-aborted';

  constructor(
    readonly transaction: string,
    readonly participant: string,
    readonly reason: NoReason,
  ) {
    const next = reason.kind === 'refused' ? '' : ': nothing was changed, send it again';
    super(`"${participant}" has not agreed (${reason.message})${next}`, {
      transaction,
      participant,
      reason: reason.kind,
      ...(reason.code !== undefined && { reasonCode: reason.code }),
    });
  }
}

/**
 * Whether it was committed could not be learnt: the log of decisions did not answer. It is settled later, without you; ask
 * TransactionCoordinator.outcome(), or send it again with the same id.
 */
export class TransactionInDoubt extends ConcordError {
  readonly code = 'transaction-in-doubt';

  constructor(
    readonly transaction: string,
    options?: ErrorOptions,
  ) {
    super(
      `whether transaction ${transaction} was committed is not known yet: it is settled without you, look before you repeat it`,
      { transaction },
      options,
    );
  }
}

/** A transaction was prepared under this id with another content: whoever asks has mixed two up. Nothing was changed. */
export class PrepareDiffers extends ConcordError {
  readonly code = 'transaction-id-reused';

  constructor(
    readonly transaction: string,
    readonly participant: string,
    options?: ErrorOptions,
  ) {
    super(
      `transaction ${transaction} was prepared at "${participant}" with another content: give each transaction an id of its own`,
      { transaction, participant },
      options,
    );
  }
}

/** A participant has done otherwise than was decided, which only an operator or a lost log can bring about: look into it. */
export class OutcomeContradicted extends ConcordError {
  readonly code = 'outcome-contradicted';

  constructor(
    readonly transaction: string,
    readonly participant: string,
    found: string,
    told: Exclude<TransactionOutcome, 'preparing'>,
  ) {
    super(
      `transaction ${transaction} is ${found} at "${participant}" and was to be ${told}: see concord.forced_resolutions, and put right by hand what differs`,
      { transaction, participant, found, told },
    );
  }
}

/** This cannot be forced: the outcome is known, or was not agreed to. Nothing was changed. */
export class ResolutionRefused extends ConcordError {
  readonly code = 'resolution-refused';
}

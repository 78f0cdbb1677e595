// How a command of a mailbox fails when what it was decided on does, and no time is left to decide again.
import { ConcordError } from '@concord/kernel';

/**
 * The state that a command was decided on has not come to be: an append before it failed, in an outage. Within ten seconds the
 * pipeline decides again, by itself; this is what comes after that. Whether it was applied is not known when its own answer was
 * lost on the way, so look, or send it again with the same command id, which applies it once.
 */
export class DecidedOnStaleState extends ConcordError {
  readonly code = 'decided-on-stale-state';

  constructor(options?: ErrorOptions) {
    super(
      'what this was decided on did not come to be, and no time is left to decide it again: ' +
        'look whether it was applied, or send it again with the same command id',
      {},
      options,
    );
  }
}

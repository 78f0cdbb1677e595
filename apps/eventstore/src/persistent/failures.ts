// What can be wrong with a persistent subscription, in the words that clients know.
import { ConcordError } from '@concord/kernel';
import { type Address, ALL_STREAM } from './definition.js';

type FailureCode =
  | 'persistent-subscription-exists'
  | 'persistent-subscription-does-not-exist'
  | 'persistent-subscription-failed'
  | 'persistent-subscription-dropped'
  | 'maximum-subscribers-reached';

/** `code` is the exception that clients know; `stream` is `$all` for the feed. */
export class SubscriptionFailure extends ConcordError {
  readonly stream: string;
  readonly group: string;

  constructor(
    readonly code: FailureCode,
    text: string,
    { stream = ALL_STREAM, group }: Address,
    readonly reason?: string,
  ) {
    super(`persistent subscription "${group}" to "${stream}" ${text}`);
    this.stream = stream;
    this.group = group;
  }
}

export const alreadyExists = (address: Address): SubscriptionFailure =>
  new SubscriptionFailure('persistent-subscription-exists', 'exists already: update it, or delete it first', address);

export const doesNotExist = (address: Address): SubscriptionFailure =>
  new SubscriptionFailure('persistent-subscription-does-not-exist', 'does not exist: create it first', address);

export const failed = (address: Address, reason: string): SubscriptionFailure =>
  new SubscriptionFailure('persistent-subscription-failed', `cannot be so: ${reason}`, address, reason);

export const dropped = (address: Address, why: string): SubscriptionFailure =>
  new SubscriptionFailure('persistent-subscription-dropped', `has dropped this consumer: ${why}`, address);

export const full = (address: Address): SubscriptionFailure =>
  new SubscriptionFailure('maximum-subscribers-reached', 'has as many consumers as it may have', address);

/** Another server over this database serves the persistent subscriptions: connect to that one. */
export class NotLeader extends ConcordError {
  readonly code = 'not-leader';

  constructor(
    readonly host: string,
    readonly port: number,
  ) {
    super(`persistent subscriptions are served by ${host}:${port}: connect there`);
  }
}

/** No server serves the persistent subscriptions at this moment: one of them soon will. */
export class NoLeader extends ConcordError {
  readonly code = 'no-leader';

  constructor() {
    super('persistent subscriptions are being handed over between servers: try again in a moment');
  }
}

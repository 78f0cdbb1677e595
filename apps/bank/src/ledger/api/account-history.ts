// An account's stream: what happened, what happens, and the account as it was.
import { Injectable } from '@nestjs/common';
import { EventStore } from '@concord/event-store';
import { type DomainEvent, type RecordedEvent, streamName } from '@concord/kernel';
import { followStream } from '@concord/subscriptions';
import { Account, type AccountEvent } from '../domain/account.js';

@Injectable()
export class AccountHistory {
  constructor(private readonly store: EventStore) {}

  /** `asOf` is a revision, or a time. Undefined when the account was not there, or has not come to that revision yet. */
  async asOf(accountId: string, asOf: string): Promise<Account | undefined> {
    const revision = /^\d+$/.test(asOf) ? BigInt(asOf) : undefined;
    const until = revision === undefined ? recordedBy(new Date(asOf)) : upTo(revision);
    const account = new Account(accountId);
    for await (const event of this.store.readStream(streamName(Account.category, accountId))) {
      if (!until(event)) break;
      account.replay([event as DomainEvent as AccountEvent]);
    }
    const reached = account.exists && (revision === undefined || account.revision === revision);
    return reached ? account : undefined;
  }

  /** Some events, from a revision on. */
  events(accountId: string, from: bigint, limit: number): Promise<RecordedEvent[]> {
    return Array.fromAsync(this.store.readStream(streamName(Account.category, accountId), { from, limit }));
  }

  /** The events from a revision on, then whatever comes, until `stop` is aborted. The account need not be there yet. */
  follow(accountId: string, from: bigint, stop: AbortSignal): AsyncGenerator<RecordedEvent, void> {
    return followStream(this.store, streamName(Account.category, accountId), from, stop);
  }
}

const upTo =
  (revision: bigint) =>
  (event: RecordedEvent): boolean =>
    event.streamPosition <= revision;

const recordedBy =
  (time: Date) =>
  (event: RecordedEvent): boolean =>
    event.metadata.recordedAt <= time;

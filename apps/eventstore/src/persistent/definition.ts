// What a persistent subscription is: to which events, for which group, and how. Plain values, as they are kept.
import type { StoredEventFilter } from '@concord/event-store';

export const STRATEGIES = ['DispatchToSingle', 'RoundRobin', 'Pinned', 'PinnedByCorrelation'] as const;
export type StrategyName = (typeof STRATEGIES)[number];

/** Which one. Without a stream: of the feed. */
export interface Address {
  readonly stream?: string;
  readonly group: string;
}

/** Times in milliseconds, sizes in events. */
export interface SubscriptionSettings {
  readonly resolveLinks: boolean;
  readonly extraStatistics: boolean;
  /** How long a consumer has for an event; 0: as long as it likes. */
  readonly messageTimeout: number;
  readonly maxRetryCount: number;
  /** 0: by their number only. */
  readonly checkpointAfter: number;
  readonly minCheckpointCount: number;
  readonly maxCheckpointCount: number;
  /** 0: any number. */
  readonly maxSubscriberCount: number;
  readonly liveBufferSize: number;
  readonly readBatchSize: number;
  readonly historyBufferSize: number;
  readonly strategy: StrategyName;
}

export interface Definition extends Address {
  readonly filter?: StoredEventFilter;
  readonly settings: SubscriptionSettings;
  /** As the client said it: a stream position, for the feed a global one. */
  readonly startFrom: bigint | 'end';
  /** The first place that it delivers: where the end was when the client said "the end". */
  readonly startsAt: bigint;
}

export const ALL_STREAM = '$all';

/** The name that EventStoreDB gives it, and its streams. */
export function keyOf({ stream, group }: Address): string {
  return `${stream ?? ALL_STREAM}::${group}`;
}

const OWN_STREAMS = '$persistentsubscription-';

export function parkedStreamOf(address: Address): string {
  return `${OWN_STREAMS}${keyOf(address)}-parked`;
}

/** What a subscription to the feed parks is no news to one: it would park links to links for ever. */
export function isOwnOfFeed(stream: string): boolean {
  const owner = stream.startsWith('$$') ? stream.slice(2) : stream;
  return owner.startsWith(`${OWN_STREAMS}${ALL_STREAM}::`);
}

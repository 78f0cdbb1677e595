// All persistent subscriptions of the tenant: the last event of one stream, as in EventStoreDB.
import type { EventStore } from '@concord/event-store';
import { InvalidArgument, newId, NO_REVISION, type StreamName } from '@concord/kernel';
import type { StoredEventFilter } from '@concord/event-store';
import { ALL_STREAM, type Definition, type StrategyName, type SubscriptionSettings } from './definition.js';

const STREAM = '$persistentSubscriptionConfig' as StreamName;
const TYPE = '$PersistentConfig';
const VERSION = '2';
const KEPT = 2;

/** In the words of EventStoreDB, but for `startsAt`; positions are texts. */
interface StoredEntry {
  readonly stream: string;
  readonly group: string;
  readonly filter?: StoredEventFilter;
  readonly resolveLinkTos: boolean;
  readonly extraStatistics: boolean;
  readonly messageTimeout: number;
  readonly startPosition: string;
  readonly startsAt: string;
  readonly liveBufferSize: number;
  readonly historyBufferSize: number;
  readonly maxRetryCount: number;
  readonly readBatchSize: number;
  readonly checkPointAfter: number;
  readonly minCheckPointCount: number;
  readonly maxCheckPointCount: number;
  readonly maxSubscriberCount: number;
  readonly namedConsumerStrategy: StrategyName;
}

interface StoredConfiguration {
  readonly version: string;
  readonly updated: string;
  readonly updatedBy: string;
  readonly entries: readonly StoredEntry[];
}

/** Errors: InvalidArgument, for an event that this server did not write. */
export async function loadConfiguration(store: EventStore): Promise<Definition[]> {
  for await (const event of store.readStream(STREAM, { direction: 'backwards', limit: 1 })) {
    try {
      return (event.data as StoredConfiguration).entries.map(definitionOf);
    } catch (cause) {
      const text = `the last event of "${STREAM}" is none that this server wrote: append a copy of the one before`;
      throw new InvalidArgument(text, {}, { cause });
    }
  }
  return [];
}

/** In the running transaction. */
export async function saveConfiguration(
  store: EventStore,
  definitions: readonly Definition[],
  updatedBy: string,
): Promise<void> {
  const entries = definitions.map(entryOf);
  const data: StoredConfiguration = { version: VERSION, updated: new Date().toISOString(), updatedBy, entries };
  const { revision } = await store.readStreamMetadata(STREAM);
  if (revision === NO_REVISION) await store.writeStreamMetadata(STREAM, { maxCount: KEPT });
  await store.append({ stream: STREAM, expected: 'any', events: [{ id: newId(), type: TYPE, data }] });
}

function entryOf({ stream, group, filter, settings, startFrom, startsAt }: Definition): StoredEntry {
  return {
    stream: stream ?? ALL_STREAM,
    group,
    ...(filter && { filter }),
    resolveLinkTos: settings.resolveLinks,
    extraStatistics: settings.extraStatistics,
    messageTimeout: settings.messageTimeout,
    startPosition: startText(stream, startFrom),
    startsAt: startsAt.toString(),
    liveBufferSize: settings.liveBufferSize,
    historyBufferSize: settings.historyBufferSize,
    maxRetryCount: settings.maxRetryCount,
    readBatchSize: settings.readBatchSize,
    checkPointAfter: settings.checkpointAfter,
    minCheckPointCount: settings.minCheckpointCount,
    maxCheckPointCount: settings.maxCheckpointCount,
    maxSubscriberCount: settings.maxSubscriberCount,
    namedConsumerStrategy: settings.strategy,
  };
}

function definitionOf(entry: StoredEntry): Definition {
  const settings: SubscriptionSettings = {
    resolveLinks: entry.resolveLinkTos,
    extraStatistics: entry.extraStatistics,
    messageTimeout: entry.messageTimeout,
    maxRetryCount: entry.maxRetryCount,
    checkpointAfter: entry.checkPointAfter,
    minCheckpointCount: entry.minCheckPointCount,
    maxCheckpointCount: entry.maxCheckPointCount,
    maxSubscriberCount: entry.maxSubscriberCount,
    liveBufferSize: entry.liveBufferSize,
    readBatchSize: entry.readBatchSize,
    historyBufferSize: entry.historyBufferSize,
    strategy: entry.namedConsumerStrategy,
  };
  return {
    ...(entry.stream !== ALL_STREAM && { stream: entry.stream }),
    group: entry.group,
    ...(entry.filter && { filter: entry.filter }),
    settings,
    startFrom: entry.startPosition.includes('-1') ? 'end' : BigInt(/\d+/.exec(entry.startPosition)?.[0] ?? 'none'),
    startsAt: BigInt(entry.startsAt),
  };
}

/** As EventStoreDB writes a place of a stream, and of the feed. */
export function placeText(stream: string | undefined, place: bigint): string {
  return stream === undefined ? `C:${place}/P:${place}` : place.toString();
}

export function startText(stream: string | undefined, startFrom: bigint | 'end'): string {
  return placeText(stream, startFrom === 'end' ? -1n : startFrom);
}

// What a persistent subscription tells about itself.
import type { SubscriptionInfo } from '@eventstore/db-client/generated/persistent_pb.js';
import { persistent } from '../grpc/protocol.js';
import { placeText, startText } from './configuration.js';
import type { Consumer } from './consumer.js';
import { ALL_STREAM } from './definition.js';
import type { PersistentSubscription } from './subscription.js';

/** Since the last time somebody asked. */
interface Measured {
  readonly total: number;
  readonly at: number;
}

const measured = new WeakMap<object, Measured>();

export async function describe(subscription: PersistentSubscription): Promise<SubscriptionInfo> {
  const { definition, dispatcher, checkpoint, isLive } = subscription;
  const { stream, group } = definition;
  const [parked, lastKnown] = await Promise.all([subscription.replay.waiting(), subscription.lastKnown()]);
  const { rate, since } = measure(subscription, dispatcher.total);
  const info = new persistent.SubscriptionInfo()
    .setEventSource(stream ?? ALL_STREAM)
    .setGroupName(group)
    .setStatus(subscription.replay.isRunning ? `${statusOf(isLive)}, ReplayingParkedMessages` : statusOf(isLive))
    .setConnectionsList(dispatcher.consumers.map((consumer) => connectionOf(consumer, subscription)))
    .setAveragePerSecond(rate)
    .setTotalItems(`${dispatcher.total}`)
    .setCountSinceLastMeasurement(`${since}`)
    .setLastCheckpointedEventPosition(checkpoint === undefined ? '' : placeText(stream, checkpoint))
    .setLastKnownEventPosition(lastKnown < 0n ? '' : placeText(stream, lastKnown))
    .setReadBufferCount(isLive ? 0 : dispatcher.waiting)
    .setLiveBufferCount(`${isLive ? dispatcher.waiting : 0}`)
    .setRetryBufferCount(dispatcher.retrying)
    .setTotalInFlightMessages(dispatcher.outstanding)
    .setOutstandingMessagesCount(dispatcher.outstanding)
    .setParkedMessageCount(parked.toString());
  return withSettings(info, subscription);
}

function statusOf(isLive: boolean): string {
  return isLive ? 'Live' : 'Behind';
}

function withSettings(info: SubscriptionInfo, { definition }: PersistentSubscription): SubscriptionInfo {
  const { settings, stream, startFrom } = definition;
  return info
    .setResolveLinkTos(settings.resolveLinks)
    .setStartFrom(startText(stream, startFrom))
    .setMessageTimeoutMilliseconds(settings.messageTimeout)
    .setExtraStatistics(settings.extraStatistics)
    .setMaxRetryCount(settings.maxRetryCount)
    .setLiveBufferSize(settings.liveBufferSize)
    .setBufferSize(settings.historyBufferSize)
    .setReadBatchSize(settings.readBatchSize)
    .setCheckPointAfterMilliseconds(settings.checkpointAfter)
    .setMinCheckPointCount(settings.minCheckpointCount)
    .setMaxCheckPointCount(settings.maxCheckpointCount)
    .setNamedConsumerStrategy(settings.strategy)
    .setMaxSubscriberCount(settings.maxSubscriberCount);
}

function connectionOf(consumer: Consumer, { definition }: PersistentSubscription): SubscriptionInfo.ConnectionInfo {
  const { user, from, connectionName } = consumer.options;
  const { rate, since } = measure(consumer, consumer.total);
  const measurements = definition.settings.extraStatistics ? consumer.timings.measurements() : [];
  return new persistent.SubscriptionInfo.ConnectionInfo()
    .setFrom(from)
    .setUsername(user)
    .setConnectionName(connectionName)
    .setAverageItemsPerSecond(rate)
    .setTotalItems(`${consumer.total}`)
    .setCountSinceLastMeasurement(`${since}`)
    .setAvailableSlots(consumer.slots)
    .setInFlightMessages(consumer.messages.length)
    .setObservedMeasurementsList(
      measurements.map(([key, value]) =>
        new persistent.SubscriptionInfo.Measurement().setKey(key).setValue(`${value}`),
      ),
    );
}

function measure(of: object, total: number): { rate: number; since: number } {
  const now = performance.now();
  const last = measured.get(of) ?? { total: 0, at: now };
  measured.set(of, { total, at: now });
  const [since, seconds] = [total - last.total, (now - last.at) / 1000];
  return { since, rate: seconds > 0 ? Math.round(since / seconds) : 0 };
}

// What clients ask for, in plain values. What EventStoreDB would refuse is refused here, in the same words where clients know
// any.
import type { StreamIdentifier } from '@eventstore/db-client/generated/shared_pb.js';
import type { CreateReq, UpdateReq } from '@eventstore/db-client/generated/persistent_pb.js';
import { InvalidArgument } from '@concord/kernel';
import { streamNameOf } from '../grpc/identifiers.js';
import { persistent } from '../grpc/protocol.js';
import { filterOf } from '../reading/read-request.js';
import { MAX_PLACE } from '../reading/source.js';
import {
  type Address,
  ALL_STREAM,
  type Definition,
  parkedStreamOf,
  STRATEGIES,
  type StrategyName,
  type SubscriptionSettings,
} from './definition.js';
import { failed } from './failures.js';

/** How most requests say which subscription they are about. */
interface AddressOptions {
  hasAll(): boolean;
  getStreamIdentifier(): StreamIdentifier | undefined;
  getGroupName(): string;
}

type Options = CreateReq.Options | UpdateReq.Options;
export type Asked = Omit<Definition, 'startsAt'>;

// What the store takes as the name of a stream: that of the parked events.
const MAX_NAME = 512;

/** Errors: InvalidArgument, SubscriptionFailure. */
export function addressOf(options: AddressOptions | undefined): Address {
  if (!options) throw new InvalidArgument('the request has no options');
  const group = options.getGroupName();
  const address = options.hasAll() ? { group } : { stream: streamNameOf(options.getStreamIdentifier()), group };
  return checked(address);
}

/** Errors: InvalidArgument, SubscriptionFailure. */
export function askedOf(options: Options | undefined): Asked {
  const settings = options?.getSettings();
  if (!options || !settings) throw new InvalidArgument('the request has no options or no settings');
  const group = options.getGroupName();
  const all = options.getAll();
  const address = checked(all ? { group } : { stream: streamOf(options), group });
  const filter = all && 'getFilter' in all ? all.getFilter() : undefined;
  return {
    ...address,
    ...(filter && { filter: filterOf(filter) }),
    settings: settingsOf(address, settings),
    startFrom: all ? startOfFeed(address, all) : startOfStream(options),
  };
}

function checked(address: Address): Address {
  if (address.group === '') throw failed(address, 'its group has no name');
  if (address.stream === ALL_STREAM) throw failed(address, 'subscribe to $all with the call that is for it');
  if (parkedStreamOf(address).length > MAX_NAME || /\p{Cc}/u.test(address.group) || !address.group.isWellFormed()) {
    throw failed(address, 'the names of stream and group are too long together, or have control characters');
  }
  return address;
}

/** Old clients say the stream elsewhere. */
function streamOf(options: Options): string {
  return streamNameOf(options.getStream()?.getStreamIdentifier() ?? options.getStreamIdentifier());
}

function startOfStream(options: Options): Definition['startFrom'] {
  const stream = options.getStream();
  if (!stream) return startAt(options.getSettings()?.getRevision() ?? '0');
  if (stream.hasRevision()) return startAt(stream.getRevision());
  return stream.hasEnd() ? 'end' : 0n;
}

/** Clients count to 2^64, and say "the end" by the largest number. */
function startAt(place: string): Definition['startFrom'] {
  const value = BigInt(place);
  return value < MAX_PLACE ? value : 'end';
}

function startOfFeed(address: Address, all: CreateReq.AllOptions | UpdateReq.AllOptions): Definition['startFrom'] {
  const position = all.getPosition();
  if (!position) return all.hasEnd() ? 'end' : 0n;
  const [commit, prepare] = [BigInt(position.getCommitPosition()), BigInt(position.getPreparePosition())];
  if (prepare > commit) throw failed(address, 'the prepare position to start from is after the commit position');
  return startAt(position.getCommitPosition());
}

const TICKS_PER_MILLISECOND = 10_000;

function settingsOf(address: Address, given: CreateReq.Settings | UpdateReq.Settings): SubscriptionSettings {
  const settings: SubscriptionSettings = {
    resolveLinks: given.getResolveLinks(),
    extraStatistics: given.getExtraStatistics(),
    messageTimeout: given.hasMessageTimeoutTicks()
      ? Math.trunc(Number(given.getMessageTimeoutTicks()) / TICKS_PER_MILLISECOND)
      : given.getMessageTimeoutMs(),
    maxRetryCount: given.getMaxRetryCount(),
    checkpointAfter: given.hasCheckpointAfterTicks()
      ? Math.trunc(Number(given.getCheckpointAfterTicks()) / TICKS_PER_MILLISECOND)
      : given.getCheckpointAfterMs(),
    minCheckpointCount: given.getMinCheckpointCount(),
    maxCheckpointCount: given.getMaxCheckpointCount(),
    maxSubscriberCount: given.getMaxSubscriberCount(),
    liveBufferSize: given.getLiveBufferSize(),
    readBatchSize: given.getReadBatchSize(),
    historyBufferSize: given.getHistoryBufferSize(),
    strategy: strategyOf(address, given),
  };
  assertSizes(address, settings);
  return settings;
}

function strategyOf(address: Address, given: CreateReq.Settings | UpdateReq.Settings): StrategyName {
  const { DISPATCHTOSINGLE, ROUNDROBIN, PINNED } = persistent.CreateReq.ConsumerStrategy;
  const named = { [DISPATCHTOSINGLE]: 'DispatchToSingle', [ROUNDROBIN]: 'RoundRobin', [PINNED]: 'Pinned' } as const;
  const name =
    ('getConsumerStrategy' in given && given.getConsumerStrategy()) || named[given.getNamedConsumerStrategy()];
  const strategy = STRATEGIES.find((known) => known === name);
  if (!strategy) throw failed(address, `there is no consumer strategy "${name}": take one of ${STRATEGIES.join(', ')}`);
  return strategy;
}

function assertSizes(address: Address, settings: SubscriptionSettings): void {
  for (const [name, value] of Object.entries(settings) as [string, unknown][]) {
    if (typeof value === 'number' && value < 0) throw failed(address, `${name} is ${value}: take 0 or more`);
  }
  const { readBatchSize, historyBufferSize } = settings;
  if (readBatchSize < 1 || readBatchSize >= historyBufferSize) {
    throw failed(address, `readBatchSize is ${readBatchSize}: take 1 or more, and less than historyBufferSize`);
  }
}

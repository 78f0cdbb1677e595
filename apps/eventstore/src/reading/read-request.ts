// What a Read asks for, in plain values, and where it begins.
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { StoredEventFilter } from '@concord/event-store';
import { InvalidArgument } from '@concord/kernel';
import { streamNameOf } from '../grpc/identifiers.js';
import { streams } from '../grpc/protocol.js';
import { MAX_PLACE, type Source } from './source.js';

type Place = bigint | 'start' | 'end';

export interface ReadRequest {
  /** Without a stream: the feed. */
  readonly stream?: string;
  readonly from: Place;
  readonly backwards: boolean;
  readonly subscribe: boolean;
  readonly limit: number;
  readonly resolveLinks: boolean;
  readonly structuredIds: boolean;
  readonly filter?: StoredEventFilter;
  /** After how many events looked at a filtered subscription tells how far it is. */
  readonly checkpointInterval: number;
}

const DEFAULT_WINDOW = 32;

/** Errors: InvalidArgument that says what is missing. */
export function readRequestOf(request: ReadReq): ReadRequest {
  const options = request.getOptions();
  if (!options) throw new InvalidArgument('the request has no options');
  const filter = options.getFilter();
  return {
    ...targetOf(options),
    backwards: options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS,
    subscribe: options.hasSubscription(),
    limit: Number(options.getCount()),
    resolveLinks: options.getResolveLinks(),
    structuredIds: options.getUuidOption()?.hasStructured() ?? false,
    ...(filter && { filter: filterOf(filter) }),
    checkpointInterval: (filter?.getMax() || DEFAULT_WINDOW) * (filter?.getCheckpointintervalmultiplier() || 1),
  };
}

/**
 * A subscription goes on after the place it names. A read begins with it, but for the feed read backwards: it names
 * where an event begins, and what is read lies before.
 */
export async function startOf({ stream, from, backwards, subscribe }: ReadRequest, source: Source): Promise<bigint> {
  if (subscribe) {
    if (backwards) throw new InvalidArgument('a subscription reads forwards');
    return from === 'start' ? 0n : from === 'end' ? source.end() : from + 1n;
  }
  if (from === 'end') return backwards ? MAX_PLACE : source.end();
  const place = from === 'start' ? 0n : from;
  return backwards && stream === undefined ? place - 1n : place;
}

function targetOf(options: ReadReq.Options): Pick<ReadRequest, 'stream' | 'from'> {
  const stream = options.getStream();
  const all = options.getAll();
  if (stream) {
    const place = stream.hasRevision() ? clamp(stream.getRevision()) : stream.hasEnd() ? 'end' : 'start';
    return { stream: streamNameOf(stream.getStreamIdentifier()), from: place };
  }
  if (!all) throw new InvalidArgument('the request names neither a stream nor $all');
  const position = all.getPosition();
  return { from: position ? clamp(position.getCommitPosition()) : all.hasEnd() ? 'end' : 'start' };
}

/** Clients count to 2^64, and say "the end" by the largest number. */
function clamp(place: string): bigint {
  const value = BigInt(place);
  return value < MAX_PLACE ? value : MAX_PLACE - 1n;
}

interface Expression {
  getPrefixList(): string[];
  getRegex(): string;
}

/** How reads and persistent subscriptions say what they want of the feed. */
interface FilterOptions {
  getStreamIdentifier(): Expression | undefined;
  getEventType(): Expression | undefined;
}

/** Errors: InvalidArgument. */
export function filterOf(filter: FilterOptions): StoredEventFilter {
  const byStream = filter.getStreamIdentifier();
  const byType = filter.getEventType();
  if (byStream) {
    const [prefixes, regex] = [byStream.getPrefixList(), byStream.getRegex()];
    return prefixes.length > 0 ? { streamPrefixes: prefixes } : { streamRegex: regex };
  }
  if (!byType) throw new InvalidArgument('the filter names neither streams nor event types');
  const [prefixes, regex] = [byType.getPrefixList(), byType.getRegex()];
  return prefixes.length > 0 ? { typePrefixes: prefixes } : { typeRegex: regex };
}

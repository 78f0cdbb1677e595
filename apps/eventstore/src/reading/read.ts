// Streams.Read: a stream or the feed, to an end or as a subscription.
import { randomUUID } from 'node:crypto';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import type { StoredEvents } from '@concord/event-store';
import type { Access } from '../access/access.js';
import type { User } from '../access/users.js';
import type { Calling } from '../grpc/handlers.js';
import { Outgoing } from '../grpc/stopping.js';
import { resolveLinks } from './links.js';
import { caughtUp, checkpoint, confirmation, eventMessage, fellBehind, streamNotFound } from './messages.js';
import { Pages } from './pages.js';
import { type ReadRequest, readRequestOf, startOf } from './read-request.js';
import type { Entry, Page, Source } from './source.js';
import { sourceOf } from './source-of.js';
import type { Wake } from './wake.js';

export interface ReadParts {
  readonly stored: StoredEvents;
  readonly wake: Wake;
  readonly access: Access;
}

interface Reading {
  readonly user: User;
  readonly request: ReadRequest;
  readonly source: Source;
  readonly out: Outgoing<ReadResp>;
}

/** Errors: InvalidArgument; the reason of `stop`; what the database throws. */
export async function read(
  parts: ReadParts,
  call: ServerWritableStream<ReadReq, ReadResp>,
  { user, stop }: Calling,
): Promise<void> {
  const request = readRequestOf(call.request);
  await parts.access.assert(user, 'read', request.stream);
  const reading = { user, request, source: sourceOf(parts.stored, request), out: new Outgoing<ReadResp>(call, stop) };
  await (request.subscribe ? subscribe(parts, reading) : readToEnd(parts, reading));
}

async function readToEnd(parts: ReadParts, reading: Reading): Promise<void> {
  const { request, source, out } = reading;
  const pages = new Pages(source, request.backwards);
  let from = await startOf(request, source);
  let left = request.limit;
  let found = false;
  while (left > 0 && from >= 0n) {
    const page = await pages.take(from, left);
    const entries = page.entries.slice(0, left);
    found ||= entries.length > 0;
    await sendAll(parts, entries, reading);
    if (page.end) break;
    left -= entries.length;
    from = page.next;
  }
  // Asked only where nothing was found: most reads find something.
  if (!found && request.stream !== undefined && !(await source.exists()))
    await out.send(streamNotFound(request.stream));
}

async function subscribe(parts: ReadParts, reading: Reading): Promise<void> {
  const { request, source, out } = reading;
  const { wake } = parts;
  const pages = new Pages(source, false);
  let from = await startOf(request, source);
  let live = false;
  let lookedAt = 0;
  let through = from - 1n;
  await out.send(confirmation(randomUUID()));
  while (!out.stop.aborted) {
    const { seen } = wake;
    const page = await pages.take(from, Number.POSITIVE_INFINITY);
    await sendAll(parts, page.entries, reading);
    from = page.next;
    through = keptThrough(page, through);
    lookedAt += page.lookedAt;
    const arrives = page.end && !live;
    if (request.filter && lookedAt > 0 && (arrives || lookedAt >= request.checkpointInterval)) {
      await out.send(checkpoint(through));
      lookedAt = 0;
    }
    if (page.end !== live) await out.send(page.end ? caughtUp() : fellBehind());
    live = page.end;
    if (live) await wake.wait(seen, out.stop);
  }
  out.stop.throwIfAborted();
}

/** What a client may keep: a place after the last event may be given to another one, once PostgreSQL has crashed. */
function keptThrough({ through }: Page, before: bigint): bigint {
  return through ?? before;
}

async function sendAll(
  { stored, access }: ReadParts,
  entries: readonly Entry[],
  { user, request, out }: Reading,
): Promise<void> {
  const mayRead = (stream: string): Promise<boolean> => access.mayRead(user, stream);
  const shown = request.resolveLinks ? await resolveLinks(stored, entries, mayRead) : entries.map(asItStands);
  for (const entry of shown) await out.send(eventMessage(entry, request));
}

/** Without resolving, a link is an event like any other. */
function asItStands({ event, link }: Entry): Entry {
  return { event: link ?? event };
}

// Streams.BatchAppend: many appends in one call, each in one or several messages and with an answer of its own. Appends to
// one stream are made in the order they came; others at once.
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { type ExpectedVersion, InvalidArgument } from '@concord/kernel';
import type { User } from '../access/users.js';
import { AppendTimedOut } from '../grpc/failures.js';
import { toStatus } from '../grpc/batch-status.js';
import { streamIdentifier, streamNameOf, uuidTextOf } from '../grpc/identifiers.js';
import { GoogleEmpty, shared, streams } from '../grpc/protocol.js';
import { Outgoing, untilStopped } from '../grpc/stopping.js';
import type { Calling } from '../grpc/handlers.js';
import { type Appended, type AppendParts, appendToStream, Proposal } from './append-to-stream.js';

type Options = BatchAppendReq.Options;

/** An append of which messages may be missing yet. */
interface Pending {
  readonly options: Options;
  readonly proposal: Proposal;
  failure?: Error;
}

// Beyond it the client is not read from, and waits.
const MAX_UNDER_WAY = 500;
// Appends whose last message has not come: each takes memory up to the largest append.
const MAX_UNFINISHED = 500;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves when the client has ended and all is answered. Errors: InvalidArgument for what cannot be answered. */
export async function batchAppend(
  parts: AppendParts,
  call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>,
  { user, stop }: Calling,
): Promise<void> {
  const pending = new Map<string, Pending>();
  const tails = new Map<string, Promise<void>>();
  const underWay = new Set<Promise<void>>();
  const out = new Outgoing<BatchAppendResp>(call, stop);
  for await (const request of untilStopped(call as AsyncIterable<BatchAppendReq>, stop)) {
    const id = uuidTextOf(request.getCorrelationId());
    const batch = pending.get(id) ?? begin(parts, request);
    pending.set(id, batch);
    if (pending.size > MAX_UNFINISHED) throw new InvalidArgument(`at most ${MAX_UNFINISHED} appends are begun at once`);
    collect(batch, request);
    if (!request.getIsFinal()) continue;
    pending.delete(id);
    const stream = Buffer.from(batch.options.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString();
    const before = tails.get(stream) ?? Promise.resolve();
    const answered = before.then(() => answerTo(request, batch, appendWithin(parts, user, batch)));
    // Under way until its answer is taken: a client that takes none is not read from in the end.
    const done = answered
      .then((answer) => out.tell(answer))
      .then(() => {
        underWay.delete(done);
        if (tails.get(stream) === done) tails.delete(stream);
      });
    tails.set(stream, done);
    underWay.add(done);
    while (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay);
  }
  await Promise.all(underWay);
  stop.throwIfAborted();
}

function begin({ maxAppendSize }: AppendParts, request: BatchAppendReq): Pending {
  const options = request.getOptions();
  if (!options) throw new InvalidArgument('the first message of an append has its options');
  return { options, proposal: new Proposal(maxAppendSize) };
}

/** Once it has failed, further events of it are let go. */
function collect(batch: Pending, request: BatchAppendReq): void {
  if (batch.failure) return;
  try {
    for (const message of request.getProposedMessagesList()) batch.proposal.add(message);
  } catch (error) {
    batch.failure = error as Error;
    batch.proposal.forget();
  }
}

async function answerTo(
  request: BatchAppendReq,
  { options }: Pending,
  appended: Promise<Appended>,
): Promise<BatchAppendResp> {
  const response = new streams.BatchAppendResp()
    .setCorrelationId(request.getCorrelationId())
    .setStreamIdentifier(options.getStreamIdentifier() ?? streamIdentifier(''));
  repeatExpected(options, response);
  try {
    response.setSuccess(successOf(await appended));
  } catch (error) {
    response.setError(toStatus(error));
  }
  return response;
}

async function appendWithin(
  parts: AppendParts,
  user: User,
  { options, proposal, failure }: Pending,
): Promise<Appended> {
  if (failure) throw failure;
  const stream = streamNameOf(options.getStreamIdentifier());
  const left = (options.getDeadline()?.toDate().getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
  if (left <= 0) throw new AppendTimedOut('the deadline had passed before the append began: nothing was appended');
  const append = { expected: expectedOf(options), events: proposal.events };
  return within(left, appendToStream(parts, user, stream, append));
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  if (milliseconds > MAX_TIMER_MS) return work;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new AppendTimedOut('the deadline has passed: whether the append goes through is not known'));
    }, milliseconds);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function expectedOf(options: Options): ExpectedVersion {
  if (options.hasStreamPosition()) return BigInt(options.getStreamPosition());
  if (options.hasNoStream()) return 'no-stream';
  if (options.hasStreamExists()) return 'stream-exists';
  if (options.hasAny()) return 'any';
  throw new InvalidArgument('the request says no expected stream position');
}

function repeatExpected(options: Options, response: BatchAppendResp): void {
  if (options.hasStreamPosition()) response.setStreamPosition(options.getStreamPosition());
  else if (options.hasNoStream()) response.setNoStream(new GoogleEmpty());
  else if (options.hasStreamExists()) response.setStreamExists(new GoogleEmpty());
  else response.setAny(new GoogleEmpty());
}

function successOf({ revision, position }: Appended): BatchAppendResp.Success {
  const success = new streams.BatchAppendResp.Success();
  if (revision >= 0n) success.setCurrentRevision(revision.toString());
  else success.setNoStream(new GoogleEmpty());
  if (position === undefined) return success.setNoPosition(new GoogleEmpty());
  const text = position.toString();
  return success.setPosition(new shared.AllStreamPosition().setCommitPosition(text).setPreparePosition(text));
}

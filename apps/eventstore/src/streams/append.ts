// Streams.Append: one append a call; the stream first, then its events.
import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerReadableStream } from '@grpc/grpc-js';
import { type ExpectedVersion, InvalidArgument, WrongExpectedVersion } from '@concord/kernel';
import { streamNameOf } from '../grpc/identifiers.js';
import { shared, streams } from '../grpc/protocol.js';
import type { User } from '../access/users.js';
import { type Appended, type AppendParts, appendToStream, Proposal } from './append-to-stream.js';

/** A wrong expected version is an answer of this call, not an error. Errors: those of appendToStream and Proposal. */
export async function append(
  parts: AppendParts,
  call: ServerReadableStream<AppendReq, AppendResp>,
  user: User,
): Promise<AppendResp> {
  const proposal = new Proposal(parts.maxAppendSize);
  let options: AppendReq.Options | undefined;
  for await (const request of call as AsyncIterable<AppendReq>) {
    const message = request.getProposedMessage();
    options ??= request.getOptions();
    if (message) proposal.add(message);
  }
  if (!options) throw new InvalidArgument('an append begins with its options');
  const stream = streamNameOf(options.getStreamIdentifier());
  const expected = expectedOf(options);
  try {
    const appended = await appendToStream(parts, user, stream, { expected, events: proposal.events });
    return new streams.AppendResp().setSuccess(successOf(appended));
  } catch (error) {
    if (!(error instanceof WrongExpectedVersion)) throw error;
    return new streams.AppendResp().setWrongExpectedVersion(wrongExpectedVersion(error));
  }
}

/** How deletes and appends say what they expect. */
interface ExpectedRevision {
  hasRevision(): boolean;
  getRevision(): string;
  hasNoStream(): boolean;
  hasStreamExists(): boolean;
  hasAny(): boolean;
}

/** Errors: InvalidArgument when nothing is said. */
export function expectedOf(options: ExpectedRevision): ExpectedVersion {
  if (options.hasRevision()) return BigInt(options.getRevision());
  if (options.hasNoStream()) return 'no-stream';
  if (options.hasStreamExists()) return 'stream-exists';
  if (options.hasAny()) return 'any';
  throw new InvalidArgument('the request says no expected revision');
}

function successOf({ revision, position }: Appended): AppendResp.Success {
  const success = new streams.AppendResp.Success();
  if (revision >= 0n) success.setCurrentRevision(revision.toString());
  else success.setNoStream(new shared.Empty());
  if (position === undefined) return success.setNoPosition(new shared.Empty());
  const text = position.toString();
  return success.setPosition(new streams.AppendResp.Position().setCommitPosition(text).setPreparePosition(text));
}

function wrongExpectedVersion({ expected, actual }: WrongExpectedVersion): AppendResp.WrongExpectedVersion {
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (actual >= 0n) wrong.setCurrentRevision(actual.toString());
  else wrong.setCurrentNoStream(new shared.Empty());
  if (expected === 'any') return wrong.setExpectedAny(new shared.Empty());
  if (expected === 'no-stream') return wrong.setExpectedNoStream(new shared.Empty());
  if (expected === 'stream-exists') return wrong.setExpectedStreamExists(new shared.Empty());
  return wrong.setExpectedRevision(expected.toString());
}

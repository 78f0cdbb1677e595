// Streams.Delete and Streams.Tombstone: soft, and for good.
import type { DeleteReq, DeleteResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import { type ExpectedVersion, InvalidArgument, type StreamName } from '@concord/kernel';
import { streamNameOf } from '../grpc/identifiers.js';
import { streams } from '../grpc/protocol.js';
import type { User } from '../access/users.js';
import { expectedOf } from './append.js';
import type { AppendParts } from './append-to-stream.js';
import { assertWritable } from './system-streams.js';

/** Errors: WrongExpectedVersion, StreamDeleted, InvalidArgument. */
export async function deleteStream(
  { store, access }: AppendParts,
  { request }: ServerUnaryCall<DeleteReq, DeleteResp>,
  user: User,
): Promise<DeleteResp> {
  const { stream, expected } = targetOf(request.getOptions());
  await access.assert(user, 'delete', stream);
  const position = (await store.deleteStream(stream, expected)).toString();
  const deleted = new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
  return new streams.DeleteResp().setPosition(deleted);
}

/** Errors: WrongExpectedVersion, StreamDeleted, InvalidArgument. */
export async function tombstoneStream(
  { store, access }: AppendParts,
  { request }: ServerUnaryCall<TombstoneReq, TombstoneResp>,
  user: User,
): Promise<TombstoneResp> {
  const { stream, expected } = targetOf(request.getOptions());
  await access.assert(user, 'delete', stream);
  const position = (await store.tombstoneStream(stream, expected)).toString();
  const buried = new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
  return new streams.TombstoneResp().setPosition(buried);
}

function targetOf(options: DeleteReq.Options | TombstoneReq.Options | undefined): {
  stream: StreamName;
  expected: ExpectedVersion;
} {
  if (!options) throw new InvalidArgument('the request has no options');
  const stream = streamNameOf(options.getStreamIdentifier());
  assertWritable(stream);
  return { stream: stream as StreamName, expected: expectedOf(options) };
}

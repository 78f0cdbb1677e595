// PersistentSubscriptions but for Read: create, update, delete, replay, restart, and what there is.
import type {
  CreateReq,
  CreateResp,
  DeleteReq,
  DeleteResp,
  GetInfoReq,
  GetInfoResp,
  ListReq,
  ListResp,
  ReplayParkedReq,
  ReplayParkedResp,
  UpdateReq,
  UpdateResp,
} from '@eventstore/db-client/generated/persistent_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import type { ServerUnaryCall } from '@grpc/grpc-js';
import type { StoredEvents } from '@concord/event-store';
import { InvalidArgument } from '@concord/kernel';
import type { Access } from '../access/access.js';
import type { User } from '../access/users.js';
import { streamNameOf } from '../grpc/identifiers.js';
import { persistent, shared } from '../grpc/protocol.js';
import { FeedSource } from '../reading/feed-source.js';
import { MAX_PLACE } from '../reading/source.js';
import { StreamSource } from '../reading/stream-source.js';
import { sourceOf } from '../reading/source-of.js';
import type { Definition } from './definition.js';
import { doesNotExist, failed } from './failures.js';
import { describe } from './info.js';
import { addressOf, type Asked, askedOf } from './requests.js';
import type { PersistentSubscriptions } from './subscriptions.js';

export interface ManageParts {
  readonly subscriptions: PersistentSubscriptions;
  readonly stored: StoredEvents;
  readonly access: Access;
}

/** Errors: SubscriptionFailure, NotLeader, AccessDenied, InvalidArgument; so do the others here. */
export async function create(
  { subscriptions, stored, access }: ManageParts,
  { request }: ServerUnaryCall<CreateReq, CreateResp>,
  user: User,
): Promise<CreateResp> {
  access.assertOperator(user);
  const definition = await begun(stored, askedOf(request.getOptions()));
  await subscriptions.create(definition, user.name);
  return new persistent.CreateResp();
}

/** The filter stays as it is: no client can say another. */
export async function update(
  { subscriptions, stored, access }: ManageParts,
  { request }: ServerUnaryCall<UpdateReq, UpdateResp>,
  user: User,
): Promise<UpdateResp> {
  access.assertOperator(user);
  const asked = askedOf(request.getOptions());
  const { definition: present } = await subscriptions.find(asked);
  const revised = await begun(stored, { ...asked, ...(present.filter && { filter: present.filter }) });
  await subscriptions.update(revised, user.name);
  return new persistent.UpdateResp();
}

export async function remove(
  { subscriptions, access }: ManageParts,
  { request }: ServerUnaryCall<DeleteReq, DeleteResp>,
  user: User,
): Promise<DeleteResp> {
  access.assertOperator(user);
  await subscriptions.delete(addressOf(request.getOptions()), user.name);
  return new persistent.DeleteResp();
}

export async function getInfo(
  { subscriptions }: ManageParts,
  { request }: ServerUnaryCall<GetInfoReq, GetInfoResp>,
): Promise<GetInfoResp> {
  const found = await subscriptions.find(addressOf(request.getOptions()));
  return new persistent.GetInfoResp().setSubscriptionInfo(await describe(found));
}

/** A stream without any is an error, as in EventStoreDB; a server without any is not. */
export async function list(
  { subscriptions }: ManageParts,
  { request }: ServerUnaryCall<ListReq, ListResp>,
): Promise<ListResp> {
  const options = request.getOptions();
  if (!options) throw new InvalidArgument('the request has no options');
  const all = await subscriptions.all();
  const wanted = options.getListForStream();
  const name = wanted && !wanted.hasAll() ? streamNameOf(wanted.getStream()) : undefined;
  const shown = wanted ? all.filter(({ definition }) => definition.stream === name) : all;
  if (wanted && shown.length === 0) throw doesNotExist({ ...(name !== undefined && { stream: name }), group: '' });
  return new persistent.ListResp().setSubscriptionsList(await Promise.all(shown.map(describe)));
}

export async function replayParked(
  { subscriptions, access }: ManageParts,
  { request }: ServerUnaryCall<ReplayParkedReq, ReplayParkedResp>,
  user: User,
): Promise<ReplayParkedResp> {
  access.assertOperator(user);
  const options = request.getOptions();
  const address = addressOf(options);
  const stopAt = options?.hasStopAt() ? BigInt(options.getStopAt()) : undefined;
  if (stopAt !== undefined && stopAt < 0n) throw failed(address, 'a replay stops at a position of 0 or more');
  const { replay } = await subscriptions.find(address);
  await replay.begin(stopAt);
  return new persistent.ReplayParkedResp();
}

export async function restartSubsystem(
  { subscriptions, access }: ManageParts,
  _call: ServerUnaryCall<Empty, Empty>,
  user: User,
): Promise<Empty> {
  access.assertOperator(user);
  await subscriptions.restart();
  return new shared.Empty();
}

/** Finds out where it starts, and whether that can be read at all: a regular expression may be none. */
async function begun(stored: StoredEvents, asked: Asked): Promise<Definition> {
  const source = sourceOf(stored, asked);
  const end = source instanceof StreamSource ? await source.end() : await endOfFeed(stored);
  if (asked.stream === undefined && asked.startFrom !== 'end' && asked.startFrom > end) {
    throw failed(asked, `it cannot start from ${asked.startFrom}: the last position is ${end - 1n}`);
  }
  const startsAt = asked.startFrom === 'end' ? end : asked.startFrom;
  await source.page(startsAt, 1, false);
  return { ...asked, startsAt };
}

/** After the last event, which is there for good, and not after the horizon: positions without an event may be given again. */
async function endOfFeed(stored: StoredEvents): Promise<bigint> {
  const { entries } = await new FeedSource(stored).page(MAX_PLACE, 1, true);
  return (entries[0]?.event?.global_position ?? 0n) + 1n;
}

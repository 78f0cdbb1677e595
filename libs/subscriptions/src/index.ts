// F3: consumers of the feed, alone and in groups, and their checkpoints.
export { type Backoff, delayOf } from './backoff.js';
export { Checkpoints, type HeldCheckpoint } from './checkpoints.js';
export {
  Consumer,
  type ConsumerFailure,
  type ConsumerOptions,
  type ConsumerState,
  type ConsumerStateChange,
} from './consumer.js';
export type { Delivery } from './delivery.js';
export { type FeedItem, followFeed, type FollowFeedOptions } from './follow-feed.js';
export { followStream } from './follow-stream.js';
export { fold, type Folded } from './fold.js';
export { ConsumerGroup, type ConsumerGroupDeclaration } from './groups/consumer-group.js';
export {
  type ConsumerGroupOptions,
  ConsumerGroups,
  type GroupContext,
  type GroupFailure,
  type GroupMembership,
  type GroupState,
  type HandleBatch,
  type HandleEvent,
  type HeldUp,
  NotYet,
  type ParkedEvent,
  type SliceState,
} from './groups/consumer-groups.js';
export { ConsumerGroupsModule } from './groups/consumer-groups.module.js';
export { PostgresConsumerGroups } from './groups/postgres-consumer-groups.js';
export { reasonOf } from './groups/reason.js';
export { sliceOf } from './groups/slices.js';
export { SoleOwner, type SoleOwnerOptions } from './groups/sole-owner.js';
export { methodsOf, On } from './on.js';
export { Signal } from './signal.js';

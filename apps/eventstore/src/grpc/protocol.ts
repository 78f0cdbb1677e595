// The messages and services of the protocol, as the client's package generates them: CommonJS whose names a static import
// does not see. Types are imported from there directly.
import code from '@eventstore/db-client/generated/code_pb.js';
import gossip from '@eventstore/db-client/generated/gossip_pb.js';
import gossipService from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import persistentService from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import serverFeatures from '@eventstore/db-client/generated/serverfeatures_pb.js';
import serverFeaturesService from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js';
import anyPb from 'google-protobuf/google/protobuf/any_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';

export const { StreamsService } = streamsService;
export const { PersistentSubscriptionsService } = persistentService;
export const { ServerFeaturesService } = serverFeaturesService;
export const { GossipService } = gossipService;
export const { Any } = anyPb;
/** google.protobuf.Empty; the protocol has an Empty of its own in `shared`. */
export const GoogleEmpty = emptyPb.Empty;
export { code, gossip, persistent, serverFeatures, shared, status, streams };

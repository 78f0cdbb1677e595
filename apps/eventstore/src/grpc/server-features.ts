// ServerFeatures: which methods there are. Clients choose by it, BatchAppend before Append for example.
import type { SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import { serverFeatures } from './protocol.js';

// The version whose protocol is spoken here.
const PROTOCOL_VERSION = '23.10.0';

const METHODS: Readonly<Record<string, readonly string[]>> = {
  'event_store.client.streams.streams': ['append', 'batchappend', 'delete', 'read', 'tombstone'],
  'event_store.client.server_features.serverfeatures': ['getsupportedmethods'],
  'event_store.client.gossip.gossip': ['read'],
};

const PERSISTENT = 'event_store.client.persistent_subscriptions.persistentsubscriptions';
/** What their calls are for. Clients send what is not named here to an HTTP interface. */
const SUBSCRIBED = ['stream', 'all'];

/** Names are lower case, as clients expect them. */
export function supportedMethods(): SupportedMethods {
  const methods = Object.entries(METHODS).flatMap(([service, names]) =>
    names.map((name) => new serverFeatures.SupportedMethod().setServiceName(service).setMethodName(name)),
  );
  for (const name of ['create', 'update', 'delete', 'read', 'getinfo', 'list', 'replayparked', 'restartsubsystem']) {
    const method = new serverFeatures.SupportedMethod().setServiceName(PERSISTENT).setMethodName(name);
    methods.push(name === 'restartsubsystem' ? method : method.setFeaturesList(SUBSCRIBED));
  }
  return new serverFeatures.SupportedMethods().setMethodsList(methods).setEventStoreServerVersion(PROTOCOL_VERSION);
}

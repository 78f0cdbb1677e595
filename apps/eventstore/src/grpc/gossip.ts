// Gossip: a cluster of one, which leads. It is where the client found it.
import { randomUUID } from 'node:crypto';
import type { ClusterInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import { gossip } from './protocol.js';
import { uuidOf } from './identifiers.js';

const instanceId = randomUUID();
const TICKS_PER_MILLISECOND = 10_000n;

export function clusterInfo(host: string, port: number): ClusterInfo {
  const { hostname } = new URL(`http://${host || '127.0.0.1'}`);
  const member = new gossip.MemberInfo()
    .setInstanceId(uuidOf(instanceId, false))
    .setTimeStamp((BigInt(Date.now()) * TICKS_PER_MILLISECOND).toString())
    .setState(gossip.MemberInfo.VNodeState.LEADER)
    .setIsAlive(true)
    .setHttpEndPoint(new gossip.EndPoint().setAddress(hostname).setPort(port));
  return new gossip.ClusterInfo().setMembersList([member]);
}

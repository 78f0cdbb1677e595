// What a Redis server says of itself, and whether locks can be kept there.
import { DatabaseUnavailable } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';

/**
 * The name of one server from its start to its end, or to its next promotion: what is in it under another name came from
 * before a restart or by replication, and may lack what was said last. Errors: DatabaseUnavailable, of a replica;
 * InvalidArgument, of a server that is not fit for locks.
 */
export function identityOf(info: string): string {
  const fields = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  const field = (name: string): string => fields.get(name) ?? '';
  if (field('redis_mode') === 'cluster') {
    throw new InvalidArgument(
      'REDIS_URL is a Redis Cluster, where locks cannot be kept: name a server that stands alone, or a master behind one address',
    );
  }
  if (field('role') !== 'master') {
    throw new DatabaseUnavailable(`the Redis of the locks is a ${field('role')} at the moment: its master is needed`);
  }
  if (field('maxmemory') !== '0' && field('maxmemory_policy').startsWith('allkeys')) {
    throw new InvalidArgument(
      `the Redis of the locks may throw any key away (maxmemory-policy ${field('maxmemory_policy')}): set it to noeviction`,
    );
  }
  return `${field('run_id')}/${field('master_replid')}`;
}

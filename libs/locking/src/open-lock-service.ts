// Where locks are kept is a choice of configuration: in PostgreSQL, unless Redis is asked for by name.
import type { Database } from '@concord/database';
import { InvalidArgument } from '@concord/kernel';
import type { LockService } from './lock-service.js';
import { PostgresLockService } from './postgres/postgres-lock-service.js';
import { assertRedisUrl, RedisLockService } from './redis/redis-lock-service.js';
import type { LockServiceOptions } from './session/session-lock-service.js';

/** Where locks are kept, the same for all processes that use one database, and how this process takes part. */
export type LockServiceSettings = LockServiceOptions &
  ({ readonly locks: 'postgres' } | { readonly locks: 'redis'; readonly redisUrl: string });

/**
 * What CONCORD_LOCKS and REDIS_URL say: PostgreSQL by default, also where there is a Redis for other things. Errors:
 * InvalidArgument.
 */
export function lockServiceSettings(environment: Readonly<Record<string, string | undefined>>): LockServiceSettings {
  const { CONCORD_LOCKS: locks = 'postgres', REDIS_URL: redisUrl = '' } = environment;
  if (locks === 'postgres' || locks === '') return { locks: 'postgres' };
  if (locks !== 'redis') throw new InvalidArgument(`CONCORD_LOCKS is postgres or redis, not "${locks}"`);
  if (redisUrl === '') throw new InvalidArgument('CONCORD_LOCKS=redis needs REDIS_URL: set it to redis://host:6379');
  assertRedisUrl(redisUrl);
  return { locks, redisUrl };
}

/**
 * Opens nothing yet: the first acquire does. Close it before the database. Errors: InvalidArgument, for settings that do not
 * work.
 */
export function openLockService(
  database: Database,
  settings: LockServiceSettings = lockServiceSettings(process.env),
): LockService {
  return settings.locks === 'redis'
    ? new RedisLockService(database, settings.redisUrl, settings)
    : new PostgresLockService(database, settings);
}

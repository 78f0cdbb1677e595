import { lockServiceSettings } from './open-lock-service.js';

describe('where locks are kept', () => {
  const redisUrl = 'redis://127.0.0.1:6379';

  it('is PostgreSQL, also where there is a Redis', () => {
    expect(lockServiceSettings({})).toEqual({ locks: 'postgres' });
    expect(lockServiceSettings({ REDIS_URL: redisUrl })).toEqual({ locks: 'postgres' });
    expect(lockServiceSettings({ CONCORD_LOCKS: 'postgres', REDIS_URL: redisUrl })).toEqual({ locks: 'postgres' });
  });

  it('is Redis when it is asked for by name', () => {
    expect(lockServiceSettings({ CONCORD_LOCKS: 'redis', REDIS_URL: redisUrl })).toEqual({ locks: 'redis', redisUrl });
  });

  it.each([
    [{ CONCORD_LOCKS: 'redis' }, 'set it to redis://host:6379'],
    [{ CONCORD_LOCKS: 'memory' }, 'CONCORD_LOCKS is postgres or redis, not "memory"'],
    [{ CONCORD_LOCKS: 'redis', REDIS_URL: 'localhost:6379' }, 'write redis://host:6379'],
  ])('is nowhere with %j', (environment, message) => {
    expect(() => lockServiceSettings(environment)).toThrow(message);
  });
});

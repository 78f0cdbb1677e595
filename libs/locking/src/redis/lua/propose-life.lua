-- Which life this is: its birth, and its number once the database has drawn it. ARGV[1] names the server, ARGV[2] is a birth
-- should one be needed: when the locks here are from another server (before a restart, before a failover), or of the life
-- ARGV[3], which is over.
local server, birth, life = unpack(redis.call('HMGET', KEYS[1], 'server', 'birth', 'life'))
if server == ARGV[1] and not (life and life == ARGV[3]) then
  return {birth, life or ''}
end
if life then
  redis.call('HSET', KEYS[1], 'last', life)
end
redis.call('HDEL', KEYS[1], 'life')
redis.call('HSET', KEYS[1], 'server', ARGV[1], 'birth', ARGV[2])
return {ARGV[2], ''}

-- The life with the birth ARGV[1] has the number ARGV[2]. What is left of the last one goes.
if redis.call('HGET', KEYS[1], 'birth') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'life', ARGV[2])
local last = redis.call('HGET', KEYS[1], 'last')
if last and last ~= ARGV[2] then
  local base = string.match(KEYS[1], '^(.*)life$') .. last .. ':'
  for _, key in ipairs(redis.call('SMEMBERS', base .. 'waiting')) do
    redis.call('UNLINK', base .. 'queue:' .. key)
  end
  for _, session in ipairs(redis.call('SMEMBERS', base .. 'sessions')) do
    redis.call('UNLINK', base .. 'wounds:' .. session, base .. 'session:' .. session)
  end
  redis.call('UNLINK', base .. 'locks', base .. 'waiting', base .. 'sessions', base .. 'token')
  redis.call('HDEL', KEYS[1], 'last')
end
return 1

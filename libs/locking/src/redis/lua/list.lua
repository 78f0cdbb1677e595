-- Everything that is held, and everybody who waits, or of one lock only (ARGV[3]). Answers also keys with who holds them; keys,
-- who waits and when that began, the oldest first; and sessions with their labels.
local held, waiting, labels = {}, {}, {}
if ARGV[3] == '' then
  held = redis.call('HGETALL', LOCKS)
else
  held = {ARGV[3], redis.call('HGET', LOCKS, ARGV[3]) or ''}
end
for _, key in ipairs(ARGV[3] == '' and redis.call('SMEMBERS', base .. 'waiting') or {ARGV[3]}) do
  for _, member in ipairs(redis.call('ZRANGE', base .. 'queue:' .. key, 0, ARGV[3] == '' and -1 or 0)) do
    waiting[#waiting + 1] = key
    waiting[#waiting + 1] = member
  end
end
for _, session in ipairs(redis.call('SMEMBERS', base .. 'sessions')) do
  labels[#labels + 1] = session
  labels[#labels + 1] = redis.call('GET', base .. 'session:' .. session) or ''
end
return answer(held, waiting, labels)

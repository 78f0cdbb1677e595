-- A session's heartbeat: prolongs its lease, or begins it (ARGV[5]). ARGV[3] is its label, ARGV[4] the lease in milliseconds. A
-- lease that has ended is not prolonged. Answers also whether the lease runs, and whose has ended with something left.
local lease = base .. 'session:' .. me
if ARGV[5] == 'begin' then
  redis.call('SET', lease, ARGV[3], 'PX', ARGV[4])
  redis.call('SADD', base .. 'sessions', me)
else
  redis.call('PEXPIRE', lease, ARGV[4])
end
local dead = {}
for _, session in ipairs(redis.call('SMEMBERS', base .. 'sessions')) do
  if not is_alive(session) then
    dead[#dead + 1] = session
  end
end
hear_wounds()
return answer(is_alive(me) and 1 or 0, dead)

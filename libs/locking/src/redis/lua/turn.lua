-- One turn of a session: what its owners give up and ask for, all at once. ARGV[3] is how many give up, ARGV[4] their lines and
-- then those of who asks. To give up: key; what the lock is if nobody else has to do with it; "owner started", and "w" for the
-- wait alone. To ask: key; what the lock would be, without its token. Answers also whether the lease runs, and for each that
-- asks its token, or 0.
local lines = {}
for line in string.gmatch(ARGV[4], '([^\n]*)\n') do
  lines[#lines + 1] = line
end
local first_ask = 1 + 3 * tonumber(ARGV[3])
for i = 1, first_ask - 1, 3 do
  local key, expected = lines[i], lines[i + 1]
  if expected ~= '' and redis.call('HGET', LOCKS, key) == expected then
    redis.call('HDEL', LOCKS, key)
  else
    local owner, started, waits = string.match(lines[i + 2], '^(%S+) (%d+)(.*)$')
    stop_waiting(key, owner, started)
    if waits == '' then
      redis.call('HDEL', base .. 'wounds:' .. me, owner)
    end
    settle(key, nil, waits == '' and owner or nil)
  end
end

local doomed = {}
local wounds = hear_wounds()
for i = 1, #wounds, 2 do
  doomed[wounds[i]] = true
end

local function wait_for(key, hold)
  local mode, started, origin, owner = string.match(hold, '^(%u) 0 (%d+) (%S+) (%S+)')
  if doomed[owner] then
    return
  end
  for _, own in ipairs(read(key)) do
    if own.owner == owner and STRENGTH[own.mode] >= STRENGTH[mode] then
      hear('granted', me, owner, key, own.mode, own.token)
      return
    end
  end
  stop_waiting(key, owner, started)
  local now = redis.call('TIME')
  local asked = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
  redis.call('ZADD', base .. 'queue:' .. key, started, table.concat({origin, owner, me, mode, asked}, ' '))
  redis.call('SADD', base .. 'waiting', key)
  settle(key)
end

local granted = {}
if is_alive(me) then
  for i = first_ask, #lines, 2 do
    local key, hold = lines[i], lines[i + 1]
    local token = draw()
    local is_doomed = #wounds > 0 and doomed[string.match(hold, '^%u 0 %d+ %S+ (%S+)')]
    if not is_doomed and redis.call('HSETNX', LOCKS, key, hold .. string.format('%.0f', token)) == 1 then
      granted[#granted + 1] = token
    else
      granted[#granted + 1] = 0
      wait_for(key, hold)
    end
  end
end
return answer(is_alive(me) and 1 or 0, granted)

-- One turn of a session: what its owners give up and ask for, all at once. ARGV[3] is how many give up: key, owner, started,
-- "w" for the wait alone, and what the lock is if nobody else has to do with it. The others ask: key, owner, started, origin,
-- mode. Answers also whether the lease runs, and of the asks that are granted the numbers and the tokens.
local granted = {}
local next_one = 4
for _ = 1, tonumber(ARGV[3]) do
  local key, owner, started, waits, expected = unpack(ARGV, next_one, next_one + 4)
  next_one = next_one + 5
  if expected ~= '' and redis.call('HGET', LOCKS, key) == expected then
    redis.call('HDEL', LOCKS, key)
  else
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

local function ask(number, key, owner, started, origin, mode)
  local token = draw()
  local hold = mode .. ' 0 ' .. started .. ' ' .. origin .. ' ' .. owner .. ' ' .. me .. ' '
  if redis.call('HSETNX', LOCKS, key, hold .. string.format('%.0f', token)) == 1 then
    granted[#granted + 1] = number
    granted[#granted + 1] = token
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

if is_alive(me) then
  for number = 1, (#ARGV - next_one + 1) / 5 do
    local at = next_one + (number - 1) * 5
    if not doomed[ARGV[at + 1]] then
      ask(number, unpack(ARGV, at, at + 4))
    end
  end
end
return answer(is_alive(me) and 1 or 0, granted)

-- One turn of a session: what its owners give up and ask for, all at once. ARGV[3] is how many give up, ARGV[4] their lines and
-- then those of who asks. To give up: key; what the lock is if nobody else has to do with it; "owner started", and "w" for the
-- wait alone. To ask: key; what the lock would be, without its token. Answers also whether the lease runs, and for each that
-- asks its token, or 0.
--   What nobody else has to do with, nearly always all of it, takes two calls for all that is given up, and two for all that is
-- asked for: a call takes as long as everything else that is done for a lock.
local lines = {}
-- A pattern would look at each character by itself, for a third of a turn's time.
local begins, count = 1, 0
while true do
  local ends = string.find(ARGV[4], '\n', begins, true)
  if not ends then
    break
  end
  count = count + 1
  lines[count] = string.sub(ARGV[4], begins, ends - 1)
  begins = ends + 1
end
local first_ask = 1 + 3 * tonumber(ARGV[3])

local function held_now(first, last, step)
  local keys = {}
  for i = first, last, step do
    keys[#keys + 1] = lines[i]
  end
  return #keys > 0 and redis.call('HMGET', LOCKS, unpack(keys)) or {}
end

local function give_up(key, line)
  local owner, started, waits = string.match(line, '^(%S+) (%d+)(.*)$')
  stop_waiting(key, owner, started)
  if waits == '' then
    redis.call('HDEL', base .. 'wounds:' .. me, owner)
  end
  settle(key, nil, waits == '' and owner or nil)
end

local held = held_now(1, first_ask - 1, 3)
local free = {}
local shared = {}
for i = 1, first_ask - 1, 3 do
  if lines[i + 1] ~= '' and held[(i + 2) / 3] == lines[i + 1] then
    free[#free + 1] = lines[i]
  else
    shared[#shared + 1] = i
  end
end
if #free > 0 then
  redis.call('HDEL', LOCKS, unpack(free))
end
for _, i in ipairs(shared) do
  give_up(lines[i], lines[i + 2])
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
if is_alive(me) and first_ask < count then
  held = held_now(first_ask, count, 2)
  local taken = {}
  local seen = {}
  local late = {}
  for i = first_ask, count, 2 do
    local key, hold = lines[i], lines[i + 1]
    local n = (i - first_ask) / 2 + 1
    granted[n] = 0
    if held[n] or seen[key] or #wounds > 0 then
      late[#late + 1] = i
    else
      seen[key] = true
      granted[n] = draw()
      taken[#taken + 1] = key
      taken[#taken + 1] = hold .. string.format('%.0f', granted[n])
    end
  end
  if #taken > 0 then
    redis.call('HSET', LOCKS, unpack(taken))
  end
  for _, i in ipairs(late) do
    wait_for(lines[i], lines[i + 1])
  end
end
return answer(is_alive(me) and 1 or 0, granted)

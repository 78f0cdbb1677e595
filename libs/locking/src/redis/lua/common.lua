-- What the scripts have in common: the locks of one life, and who is next. One script runs at a time, so that each finds the
-- locks as the one before has left them. KEYS[1] is the hash of the life; all other keys begin as it does, and are in its slot.
-- ARGV[1] is the life in which the caller believes to be, ARGV[2] its session.
--   <life>:locks     a hash: "tenant stream" -> who holds it, "mode prepared started origin owner session token|..."; a "|" at
--                    its end when somebody waits. A lock that nobody holds is not there, and nobody waits for one.
--   <life>:queue:... who waits for one, by age: "origin owner session mode asked", scored by `started`
--   <life>:waiting   for which locks somebody waits
--   <life>:session:. its lease, by the key's own expiry; <life>:sessions are their names, until what they held is gone
--   <life>:wounds:.. a session's owners that had to give way, and where
--   <life>:token     the last one drawn
if redis.call('HGET', KEYS[1], 'life') ~= ARGV[1] then
  return {'superseded'}
end
local base = string.match(KEYS[1], '^(.*)life$') .. ARGV[1] .. ':'
local me = ARGV[2]
local LOCKS = base .. 'locks'
local STRENGTH = {S = 1, U = 2, X = 3}
-- Tokens have 36 bits beside the number of the life.
local LAST_TOKEN = 68719000000
local living = {}
local news = {}
local elsewhere = {}
local takes = {}
local drawn

local function conflicts(one, other)
  return one == 'X' or other == 'X' or (one == 'U' and other == 'U')
end

local function is_alive(session)
  if living[session] == nil then
    living[session] = redis.call('EXISTS', base .. 'session:' .. session) == 1
  end
  return living[session]
end

local function draw()
  drawn = (drawn or tonumber(redis.call('GET', base .. 'token') or 0)) + 1
  return drawn
end

local function hear(kind, session, owner, key, mode, token)
  local heard = news
  if session ~= me then
    elsewhere[session] = elsewhere[session] or {}
    heard = elsewhere[session]
  end
  for _, item in ipairs({kind, owner, key, mode, token}) do
    heard[#heard + 1] = item
  end
end

-- What a script ends with: tokens are kept, and other sessions are told.
local function answer(...)
  if drawn then
    redis.call('SET', base .. 'token', string.format('%.0f', drawn))
    if drawn > LAST_TOKEN then
      redis.call('DEL', KEYS[1])
    end
  end
  for session, heard in pairs(elsewhere) do
    redis.call('PUBLISH', base .. 'news:' .. session, cjson.encode(heard))
  end
  return {'ok', news, takes, ...}
end

local function read(key)
  local holds = {}
  for text in string.gmatch(redis.call('HGET', LOCKS, key) or '', '[^|]+') do
    local mode, prepared, started, origin, owner, session, token =
      string.match(text, '^(%u) (%d) (%d+) (%S+) (%S+) (%S+) (%d+)$')
    holds[#holds + 1] = {mode = mode, prepared = prepared == '1', started = tonumber(started), origin = origin,
      owner = owner, session = session, token = tonumber(token)}
  end
  return holds
end

local function write(key, holds)
  local texts = {}
  for _, hold in ipairs(holds) do
    texts[#texts + 1] = string.format('%s %d %.0f %s %s %s %.0f', hold.mode, hold.prepared and 1 or 0, hold.started,
      hold.origin, hold.owner, hold.session, hold.token)
  end
  if redis.call('EXISTS', base .. 'queue:' .. key) == 1 then
    texts[#texts + 1] = ''
  else
    redis.call('SREM', base .. 'waiting', key)
  end
  if #texts == 0 then
    redis.call('HDEL', LOCKS, key)
  else
    redis.call('HSET', LOCKS, key, table.concat(texts, '|'))
  end
end

local function without(holds, goes)
  local kept = {}
  for _, hold in ipairs(holds) do
    if not goes(hold) then
      kept[#kept + 1] = hold
    end
  end
  return kept
end

-- Who is in the way of one that waits: for good, or giving way, for being younger or dead. Of the same age is an earlier
-- attempt of the same transaction.
local function in_the_way(holds, waiter)
  local is_blocked, yielding = false, {}
  for _, hold in ipairs(holds) do
    if hold.owner ~= waiter.owner and conflicts(hold.mode, waiter.mode) then
      local is_older = hold.started < waiter.started
        or (hold.started == waiter.started and hold.origin < waiter.origin)
      if hold.prepared or (is_older and is_alive(hold.session)) then
        is_blocked = true
      else
        yielding[#yielding + 1] = hold
      end
    end
  end
  return is_blocked, yielding
end

-- Gives a lock to whoever is next, as concord.settle_lock does (migrations/0012_locks.sql), with one difference: nobody's lock
-- is taken before the database has raised its fence. Without that it is told in `takes`; `raised` says that it was done, for
-- a mode, below a token. `leaver` gives up what it holds, unless it is prepared.
local function settle(key, raised, leaver)
  local queue = base .. 'queue:' .. key
  local function is_refused(hold)
    return raised and hold.token < raised.token and conflicts(hold.mode, raised.mode)
  end
  local holds = without(read(key), function(hold)
    return not hold.prepared and (hold.owner == leaver or (is_refused(hold) and not is_alive(hold.session)))
  end)
  local passed, update_waits, is_told, is_over = 0, false, false, false
  while not is_over do
    local page = redis.call('ZRANGE', queue, passed, passed + 15, 'WITHSCORES')
    is_over = #page == 0
    for i = 1, #page, 2 do
      local waiter = {started = tonumber(page[i + 1])}
      waiter.origin, waiter.owner, waiter.session, waiter.mode = string.match(page[i], '^(%S+) (%S+) (%S+) (%u)')
      if not is_alive(waiter.session) then
        redis.call('ZREM', queue, page[i])
      elseif waiter.mode == 'U' and update_waits then
        passed = passed + 1
      else
        local is_blocked, yielding = in_the_way(holds, waiter)
        is_blocked = is_blocked or (update_waits and waiter.mode == 'X')
        if not is_blocked and #yielding > 0 then
          for _, hold in ipairs(yielding) do
            is_blocked = is_blocked or not is_refused(hold)
          end
          if is_blocked and not is_told then
            is_told = true
            for _, item in ipairs({key, waiter.mode, waiter.owner, draw()}) do
              takes[#takes + 1] = item
            end
          end
        end
        if is_blocked then
          passed = passed + 1
          -- Behind one who waits to read or to write all have to wait; behind one who may write later, readers do not.
          if waiter.mode ~= 'U' then
            is_over = true
            break
          end
          update_waits = true
        else
          local gone = {[waiter.owner] = true}
          for _, hold in ipairs(yielding) do
            gone[hold.owner] = true
            if is_alive(hold.session) then
              redis.call('HSET', base .. 'wounds:' .. hold.session, hold.owner, key)
              hear('wounded', hold.session, hold.owner, key, hold.mode, hold.token)
            end
          end
          holds = without(holds, function(hold) return gone[hold.owner] end)
          waiter.token = draw()
          holds[#holds + 1] = waiter
          redis.call('ZREM', queue, page[i])
          hear('granted', waiter.session, waiter.owner, key, waiter.mode, waiter.token)
        end
      end
    end
  end
  write(key, holds)
end

local function stop_waiting(key, owner, started)
  local queue = base .. 'queue:' .. key
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', queue, started, started)) do
    if string.match(member, '^%S+ (%S+)') == owner then
      redis.call('ZREM', queue, member)
    end
  end
end

local function hear_wounds()
  local wounds = redis.call('HGETALL', base .. 'wounds:' .. me)
  for i = 1, #wounds, 2 do
    hear('wounded', me, wounds[i], wounds[i + 1], '', 0)
  end
  return wounds
end

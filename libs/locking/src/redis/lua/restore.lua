-- What is prepared in the database is so here as well: key, mode, started, origin, owner, session of each from ARGV[3] on.
for i = 3, #ARGV, 6 do
  local key, mode, started, origin, owner, session = unpack(ARGV, i, i + 5)
  local holds = read(key)
  local is_there = false
  for _, hold in ipairs(holds) do
    if hold.owner == owner then
      hold.prepared = true
      is_there = true
    end
  end
  if not is_there then
    holds[#holds + 1] = {mode = mode, prepared = true, started = tonumber(started), origin = origin, owner = owner,
      session = session, token = 0}
  end
  write(key, holds)
end
return answer()

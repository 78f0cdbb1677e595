-- What a session that waits for the locks of ARGV[4..] has got meanwhile. ARGV[3] "settle": whoever is next gets what is free,
-- should it have been in nobody's hand to give. Answers also whether the lease runs, and which prepared locks are in the way:
-- key, owner.
local prepared = {}
for i = 4, #ARGV do
  if ARGV[3] == 'settle' then
    settle(ARGV[i])
  end
  for _, hold in ipairs(read(ARGV[i])) do
    if hold.session == me then
      hear('granted', me, hold.owner, ARGV[i], hold.mode, hold.token)
    end
    if hold.prepared then
      prepared[#prepared + 1] = ARGV[i]
      prepared[#prepared + 1] = hold.owner
    end
  end
end
hear_wounds()
return answer(is_alive(me) and 1 or 0, prepared)

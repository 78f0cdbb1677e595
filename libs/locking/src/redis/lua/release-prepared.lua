-- What was prepared is so no more: key and owner of each from ARGV[3] on.
for i = 3, #ARGV, 2 do
  local owner = ARGV[i + 1]
  write(ARGV[i], without(read(ARGV[i]), function(hold) return hold.prepared and hold.owner == owner end))
  settle(ARGV[i])
end
return answer()

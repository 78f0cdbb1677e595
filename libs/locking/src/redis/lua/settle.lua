-- The database has raised fences: key, mode, token of each from ARGV[3] on.
for i = 3, #ARGV, 3 do
  settle(ARGV[i], {mode = ARGV[i + 1], token = tonumber(ARGV[i + 2])})
end
return answer()

-- Of the locks of ARGV[3..], those that only dead sessions hold are to be taken from them. What one shares with the living is
-- taken by the first that it is in the way of.
for i = 3, #ARGV do
  local holds = read(ARGV[i])
  local is_left = #holds > 0
  for _, hold in ipairs(holds) do
    is_left = is_left and not hold.prepared and not is_alive(hold.session)
  end
  if is_left then
    for _, item in ipairs({ARGV[i], 'X', '', draw()}) do
      takes[#takes + 1] = item
    end
  end
end
return answer()

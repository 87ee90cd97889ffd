-- Gives every request of wrk a target of its own.
local number = 0

request = function()
  number = number + 1
  return wrk.format(nil, wrk.path .. "?n=" .. number)
end

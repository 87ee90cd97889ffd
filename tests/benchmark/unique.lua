-- Gives every request of wrk a target of its own, out of more than are ever under way together.
local requests = {}
local number = 0

init = function()
  for n = 1, 4096 do
    requests[n] = wrk.format(nil, wrk.path .. "?n=" .. n)
  end
end

request = function()
  number = number % 4096 + 1
  return requests[number]
end

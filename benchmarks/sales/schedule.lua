-- An open loop: each claim is sent when it is due, whoever still waits for an answer, and timed from
-- that moment. Arguments: a file with a due and a token on each line, in order of the dues; the
-- moment from which these count, in seconds since 1970; the number of threads; a beginning of keys.
--
-- wrk does not say over which connection it is about to send. It need not: connections that are free
-- are given the dues in their order, and so they fire in that order. Answers are told apart by the
-- id of their request, which the lane takes from a proxy and repeats.

local ffi = require("ffi")
ffi.cdef[[
  typedef struct { long seconds; long nanoseconds; } told_time;
  int clock_gettime(int clock, told_time *told);
]]
local told, start = ffi.new("told_time"), 0
local NEVER = 3600000
local threads = {}
local dues, requests, given, sent = {}, {}, 0, 0
hits = {}  -- number, status and microseconds of each answer; read by done()

local function now()
  ffi.C.clock_gettime(0, told)
  return tonumber(told.seconds) + tonumber(told.nanoseconds) / 1e9 - start
end

function setup(thread)
  thread:set("place", #threads)
  threads[#threads + 1] = thread
end

function init(args)
  start = tonumber(args[2])
  local number = 0
  local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: application/json\r\nContent-Length: 14\r\nAuthorization: Bearer "
  for line in io.lines(args[1]) do
    if number % tonumber(args[3]) == place then
      local due, token = string.match(line, "^(%S+) (%S+)$")
      dues[#dues + 1] = tonumber(due)
      requests[#requests + 1] = head .. token .. "\r\nIdempotency-Key: " .. args[4] .. number
        .. string.format("\r\nX-Request-Id: %024x", #dues) .. "\r\n\r\n{\"quantity\":1}"
    end
    number = number + 1
  end
end

function delay()
  given = given + 1
  if given > #dues then return NEVER end
  return math.max(0, (dues[given] - now()) * 1000)
end

function request()
  if given == 0 then return requests[1] end  -- wrk only looks at it
  sent = sent + 1
  return requests[sent]
end

function response(status, headers, body)
  local number = tonumber(headers["x-request-id"], 16)
  local took = math.floor((now() - dues[number]) * 1e6)
  for _, value in ipairs({number, status, took}) do hits[#hits + 1] = value end
  if #hits == 3 * #dues then
    io.write("ALL\n")
    io.flush()
  end
end

function done(summary, latency, all)
  for place, thread in ipairs(threads) do
    local of_thread = thread:get("hits")
    for i = 1, #of_thread, 3 do
      local number = (of_thread[i] - 1) * #threads + place - 1
      io.write(string.format("HIT %d %d %d\n", number, of_thread[i + 1], of_thread[i + 2]))
    end
  end
end

-- Claims one unit again and again: the next token of a file, and a key that nobody has used.
-- Arguments: the file with a token on each line, and the beginning of this run's keys.

local tokens, count, sent = {}, 0, 0
local head, middle, tail

function init(args)
  for line in io.lines(args[1]) do
    count = count + 1
    tokens[count] = line
  end
  head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: application/json\r\nContent-Length: 14\r\nAuthorization: Bearer "
  middle = "\r\nIdempotency-Key: " .. args[2] .. "-"
  tail = "\r\n\r\n{\"quantity\":1}"
end

function request()
  sent = sent + 1
  return head .. tokens[(sent - 1) % count + 1] .. middle .. sent .. tail
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'TOLD {"requests": %d, "refused": %d, "microseconds": %d, "lost": %d, "p50": %d, "p99": %d}\n',
    summary.requests, errors.status, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

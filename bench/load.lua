-- One kind of request, a fixed number of times. Run by load.py:
--   wrk … -s bench_load.lua URL -- METHOD REQUESTS PAUSE_MS ORDER FIRST KEYS [BODY]
-- PAUSE_MS is the mean pause of each connection between an answer and the next request; 0 for none.
-- Where a header holds {number}, a number stands in its place: one of the KEYS numbers from FIRST on, by ORDER in turn or
-- at random.

local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int sig);")
local SIGINT = 2

local left, pause_ms, at_random, first, keys, head, tail
local sent = 0

function init(args)
  left, pause_ms = tonumber(args[2]), tonumber(args[3])
  at_random, first, keys = args[4] == "random", tonumber(args[5]), tonumber(args[6])
  wrk.method, wrk.body = args[1], args[7]
  local text = wrk.format()
  local from, to = text:find("{number}", 1, true)
  head = from and text:sub(1, from - 1) or text
  tail = from and text:sub(to + 1)
  -- Fixed, so that every run pauses alike; but each is to draw other keys.
  math.randomseed(at_random and os.time() or 1)
  if pause_ms > 0 then
    -- Uneven, so that the connections do not fall into step.
    delay = function() return math.random(0, 2 * pause_ms) end
  end
end

function request()
  left = left - 1
  -- wrk knows only a duration. SIGINT ends it early, with its figures printed.
  if left == -1 then
    wrk.thread:stop()
    ffi.C.kill(ffi.C.getpid(), SIGINT)
  end
  if not tail then return head end
  local number = at_random and math.random(0, keys - 1) or sent % keys
  sent = sent + 1
  return head .. string.format("%08d", first + number) .. tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "refused": %d, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end

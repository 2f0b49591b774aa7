-- One kind of request, a fixed number of times. Run by bench_load.py:
--   wrk … -s bench_load.lua URL -- METHOD REQUESTS PAUSE_MS [BODY]
-- PAUSE_MS is the mean pause of each connection between an answer and the next request; 0 for none.

local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int sig);")
local SIGINT = 2

local left, pause_ms, text

function init(args)
  left, pause_ms = tonumber(args[2]), tonumber(args[3])
  wrk.method, wrk.body = args[1], args[4]
  text = wrk.format()
  if pause_ms > 0 then
    -- Uneven, so that the connections do not fall into step. The seed is fixed: every run is alike.
    math.randomseed(1)
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
  return text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout))
end

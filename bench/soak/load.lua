-- GETs with keys nobody has used before, half of them good: wrk … -s soak_load.lua URL
-- Good keys begin with hk_live_load_, which the auth service takes for a reader's.

local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

local sent = 0

function request()
  sent = sent + 1
  local kind = sent % 2 == 0 and "load" or "bad"
  wrk.headers["authorization"] = "Bearer hk_live_" .. kind .. "_" .. thread_number .. "_" .. sent
  return wrk.format("GET")
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"requests": %d, "seconds": %.3f, "errors": %d}\n', summary.requests,
    summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.timeout))
end

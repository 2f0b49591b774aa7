-- What an operator might write in Lua instead of this filter: asks the same auth service, caches what it says for a
-- minute in each worker, tells writes from reads by patterns over paths, checks scopes. For scripts/bench alone.

local MOUNT = "/api/mlflow/"
local TTL_SECONDS = 60
local CAPACITY = 10000

local AUTHORIZATION_PREFIX = "Bearer "
local QUESTION = '{"service_id":"mlflow"}'
local QUESTION_HEADERS = {
  [":method"] = "POST",
  [":path"] = "/api/v1/keys/validate",
  [":authority"] = "auth.internal",
  ["content-type"] = "application/json",
}
local TIMEOUT_MS = 2000

local GRANTS = {
  ["model:read"] = { read = true },
  ["model:write"] = { read = true, write = true },
  ["mlflow:admin"] = { read = true, write = true, admin = true },
}
-- POSTs that only read.
local READS = { "/search", "/get%-latest%-versions$", "/batchGetInfos$", "/list" }
local ADMIN = { "/users/", "/permissions/", "/secrets/", "/webhooks" }

-- Two tables: the full one becomes the old one, and the old one is dropped. What is used is copied into the young one,
-- so that a busy key is never lost, and neither table needs to be walked.
local young, old, young_size = {}, {}, 0

local function keep(key, principal)
  if young_size >= CAPACITY / 2 then
    young, old, young_size = {}, young, 0
  end
  young[key] = principal
  young_size = young_size + 1
end

local function cached(key)
  local principal = young[key]
  if principal == nil then
    principal = old[key]
    if principal == nil then return nil end
    if os.time() < principal.expires then keep(key, principal) end
  end
  if os.time() >= principal.expires then return nil end
  return principal
end

local function any(patterns, path)
  for _, pattern in ipairs(patterns) do
    if path:find(pattern) then return true end
  end
  return false
end

local function access(method, path)
  if any(ADMIN, path) then return "admin" end
  if method == "GET" or method == "HEAD" then return "read" end
  if method == "POST" and any(READS, path) then return "read" end
  return "write"
end

-- Envoy's Lua has no JSON; the fields that matter are text and a list of text.
local function principal_of(body)
  local granted, scopes = {}, {}
  local list = body:match('"scopes"%s*:%s*%[([^%]]*)%]')
  if list == nil then return nil end
  for scope in list:gmatch('"([^"]*)"') do
    scopes[#scopes + 1] = scope
    for name in pairs(GRANTS[scope] or {}) do granted[name] = true end
  end
  return {
    granted = granted,
    scopes = table.concat(scopes, " "),
    user_id = body:match('"user_id"%s*:%s*"([^"]*)"') or "",
    key_id = body:match('"key_id"%s*:%s*"([^"]*)"') or "",
    expires = os.time() + TTL_SECONDS,
  }
end

local function refuse(handle, status, code, message)
  local headers = { [":status"] = status, ["content-type"] = "application/json" }
  handle:respond(headers, '{"error_code": "' .. code .. '", "message": "' .. message .. '"}')
end

local function ask(handle, authorization)
  QUESTION_HEADERS["authorization"] = authorization
  local headers, body = handle:httpCall("auth_service", QUESTION_HEADERS, QUESTION, TIMEOUT_MS)
  local status = headers[":status"]
  if status == "200" then return principal_of(body), status end
  return nil, status
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local method, path = headers:get(":method"), headers:get(":path")
  -- As this filter does: who the caller is, only this script may say.
  headers:remove("x-mlflow-authz-user")
  headers:remove("x-mlflow-authz-key")
  headers:remove("x-mlflow-authz-scopes")
  if path:sub(1, #MOUNT) ~= MOUNT then return end

  local authorization = headers:get("authorization")
  if authorization == nil or authorization:sub(1, #AUTHORIZATION_PREFIX) ~= AUTHORIZATION_PREFIX then
    return refuse(handle, "401", "UNAUTHENTICATED", "no API key")
  end

  local principal = cached(authorization)
  if principal == nil then
    local status
    principal, status = ask(handle, authorization)
    if principal == nil then
      if status == "401" then return refuse(handle, "401", "UNAUTHENTICATED", "the API key is not valid") end
      if status == "403" then return refuse(handle, "403", "PERMISSION_DENIED", "the API key is refused") end
      return refuse(handle, "503", "TEMPORARILY_UNAVAILABLE", "the auth service does not answer")
    end
    keep(authorization, principal)
  end

  local query = path:find("?", 1, true)
  local needed = access(method, query and path:sub(1, query - 1) or path)
  if not principal.granted[needed] then
    return refuse(handle, "403", "PERMISSION_DENIED", "the API key may not " .. needed)
  end
  -- Anew: after a callout the old object is an error to use, and with an error Envoy lets the request through.
  headers = handle:headers()
  headers:add("x-mlflow-authz-user", principal.user_id)
  headers:add("x-mlflow-authz-key", principal.key_id)
  headers:add("x-mlflow-authz-scopes", principal.scopes)
end

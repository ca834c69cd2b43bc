-- Asks Bearergate whether the request may pass; anything but 204 is its answer to the client.
local url = os.getenv("VERIFY_URL") .. "?login=redirect"
local key = os.getenv("VERIFY_KEY")
local copied = { "authorization" }
for name in string.gmatch(os.getenv("VERIFY_HEADERS") or "", "%S+") do
  table.insert(copied, string.lower(name))
end

-- Of this connection, or ours to say.
local left_out = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["keep-alive"] = true,
  ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
  ["x-bearergate-key"] = true, ["x-forwarded-for"] = true, ["x-forwarded-host"] = true, ["x-forwarded-method"] = true,
  ["x-forwarded-uri"] = true, ["x-original-method"] = true, ["x-original-uri"] = true,
}

local function values(header)
  local list = {}
  for at = 0, #header do
    if header[at] ~= nil then table.insert(list, header[at]) end
  end
  return list
end

local function question(txn)
  local headers = {}
  local received = txn.http:req_get_headers()
  for name, header in pairs(received) do
    if not left_out[name] then headers[name] = values(header) end
  end
  headers["x-bearergate-key"] = { key }
  headers["x-forwarded-for"] = { txn.f:src() }
  headers["x-forwarded-method"] = { txn.f:method() }
  headers["x-forwarded-uri"] = { txn.f:pathq() }
  headers["x-forwarded-host"] = values(received["host"] or {})
  return headers
end

local function pass_on(txn, answer)
  local reply = txn:reply({ status = answer.status or 503 })
  for name, header in pairs(answer.headers or {}) do
    if name ~= "content-length" and name ~= "transfer-encoding" and name ~= "connection" then
      for _, value in ipairs(values(header)) do reply:add_header(name, value) end
    end
  end
  reply:set_body(answer.body or "")
  txn:done(reply)
end

-- Bearergate's cookies are nobody's business but its own: one for each session, and for each sign-in under way.
local function cookies_of_others(header)
  local kept = {}
  for pair in string.gmatch(header, "[^;]+") do
    local name = string.gsub(string.match(pair, "^%s*([^=]*)"), "^__Host%-", "")
    if name ~= "bearergate" and string.sub(name, 1, 11) ~= "bearergate-" then table.insert(kept, pair) end
  end
  return (string.gsub(table.concat(kept, ";"), "^%s+", ""))
end

core.register_action("verify", { "http-req" }, function(txn)
  local answer = core.httpclient():get({ url = url, headers = question(txn), timeout = 15000 })
  if answer == nil or answer.status ~= 204 then return pass_on(txn, answer or {}) end
  for _, name in ipairs(copied) do
    txn.http:req_del_header(name)
    for _, value in ipairs(values(answer.headers[name] or {})) do txn.http:req_add_header(name, value) end
  end
  local cookies = values(txn.http:req_get_headers()["cookie"] or {})
  txn.http:req_del_header("cookie")
  for _, header in ipairs(cookies) do
    local others = cookies_of_others(header)
    if others ~= "" then txn.http:req_add_header("cookie", others) end
  end
end)

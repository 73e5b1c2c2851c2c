-- What wrk calls, and how it tells right answers from wrong ones:
--   wrk -s load.lua URL -- ACTION FILE
-- FILE is what fill.py saves: the services, then a line "key order order …" for each caller.
-- At the end one line of JSON says what came of it.

local HEADERS = {["Content-Type"] = "application/x-www-form-urlencoded"}
local MANY = 100

local threads = {}
local callers, heavy, first_service, services = {}, {}, 0, 0
local asked = 0

good, bad, sample = 0, 0, ""

function setup(thread)
  table.insert(threads, thread)
  thread:set("number", #threads)
end

local function any(list)
  return list[math.random(#list)]
end

local function link()
  asked = asked + 1
  return "https%3A%2F%2Fexample.com%2Fp%2F" .. number .. "-" .. asked
end

local function many(ids)
  local from = math.random(#ids - MANY + 1)
  return table.concat(ids, "%2C", from, from + MANY - 1)
end

-- What is asked of each action beside key and action, and by whom.
local fields = {
  add = function(caller)
    local service = first_service + math.random(0, services - 1)
    return "&service=" .. service .. "&link=" .. link() .. "&quantity=100"
  end,
  balance = function(caller) return "" end,
  status = function(caller) return "&order=" .. any(caller.orders) end,
  statuses = function(caller) return "&orders=" .. many(caller.orders) end,
  services = function(caller) return "" end,
}

-- What a right answer looks like.  A refusal never does.
local right = {
  add = function(body) return body:find('^{"order":%d+}$') end,
  balance = function(body) return body:find('^{"balance":"[%d.]+","currency":"%u%u%u"}$') end,
  status = function(body) return body:find('^{"charge":"[%d.]+",.*"status":"%u[%a ]+".*}$') end,
  statuses = function(body)
    local _, count = body:gsub('"charge":"', "")
    return count == MANY and not body:find('"error"', 1, true)
  end,
  services = function(body)
    return body:find('^%[{"service":%d+,') and body:find("}%]$", -2) and true
  end,
}

-- How often of a hundred calls a mixed load makes each.
local MIX = {add = 40, status = 30, balance = 19, statuses = 10, services = 1}
local mixed = {}
for action, times in pairs(MIX) do
  for _ = 1, times do table.insert(mixed, action) end
end

function right.mixed(body)
  for action in pairs(MIX) do
    if right[action](body) then return true end
  end
end

function init(args)
  action = args[1]
  math.randomseed(os.time() * 64 + number)
  for line in io.lines(args[2]) do
    local words = {}
    for word in line:gmatch("%S+") do table.insert(words, word) end
    if services == 0 then
      first_service, services = tonumber(words[1]), tonumber(words[2])
    else
      local caller = {key = table.remove(words, 1), orders = words}
      if #words > 0 then table.insert(callers, caller) end
      if #words >= MANY then table.insert(heavy, caller) end
    end
  end
end

function request()
  local chosen = action == "mixed" and any(mixed) or action
  local caller = any(chosen == "statuses" and heavy or callers)
  local name = chosen == "statuses" and "status" or chosen
  local body = "key=" .. caller.key .. "&action=" .. name .. fields[chosen](caller)
  return wrk.format("POST", nil, HEADERS, body)
end

function response(status, headers, body)
  if status == 200 and right[action](body) then
    good = good + 1
  else
    bad = bad + 1
    sample = status .. " " .. body:sub(1, 200)
  end
end

function done(summary, latency)
  local total = {good = 0, bad = 0, sample = ""}
  for _, thread in ipairs(threads) do
    total.good = total.good + thread:get("good")
    total.bad = total.bad + thread:get("bad")
    if thread:get("sample") ~= "" then total.sample = thread:get("sample") end
  end
  local errors = summary.errors
  io.write(string.format(
    '{"good":%d,"bad":%d,"broken":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"sample":"%s"}\n',
    total.good, total.bad,
    errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    (total.sample:gsub('[%c"\\]', " "))))
end

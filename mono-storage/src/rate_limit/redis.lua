-- Counts a call under every limit, or under none where one of them is used up or somebody else refuses.
-- KEYS: one for each limit. ARGV: '1' to count or '0' to look, then for each limit its calls, the kind ('log' or
-- 'buckets') and the microseconds of the window, or of one bucket.
-- Answer, for each limit: the calls that count, and the microseconds until one more fits and until none counts.

local BUCKETS, SKEW = 11, 1000000
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function text(number)
  return string.format('%.0f', number)
end

local function keep(key, micros)
  redis.call('PEXPIRE', key, text(math.ceil(micros / 1000)))
end

-- The moments that are kept. Time that falls back a little stands still; further, and they go back with it, even where
-- the call is refused: else they would not get older before the clock is where it was.
local function log(key, calls, length)
  local kept = redis.call('LRANGE', key, 0, -1)
  local last = tonumber(kept[#kept] or 0)
  local back = last - now
  if back <= SKEW then
    back = 0
  end
  local settled = math.max(now, last - back)
  local live = {}
  for _, moment in ipairs(kept) do
    local call = tonumber(moment) - back
    if call + length > settled then
      live[#live + 1] = call
    end
  end
  if back > 0 then
    redis.call('DEL', key)
    for _, call in ipairs(live) do
      redis.call('RPUSH', key, text(call))
    end
    kept = live
    keep(key, length + SKEW)
  end
  local used, free, empty = #live, now, settled + length
  if used >= calls then
    free = (live[used - calls + 1] or settled) + length
    empty = (live[used] or settled) + length
  end
  local function count()
    if #kept > used then
      redis.call('LTRIM', key, #kept - used, -1)
    end
    redis.call('RPUSH', key, text(settled))
    keep(key, length + SKEW)
  end
  return used, free, empty, count
end

-- How many calls there were in each bucket, by its number. Where time falls back, the newest is at most one ahead.
local function buckets(key, calls, width)
  local kept = redis.call('HGETALL', key)
  local present, newest = math.floor(now / width), 0
  for i = 1, #kept, 2 do
    newest = math.max(newest, tonumber(kept[i]))
  end
  local back = math.max(newest - present - 1, 0)
  local current = math.max(present, newest - back)
  local live, used, gone = {}, 0, {}
  for i = 1, #kept, 2 do
    local number, count = tonumber(kept[i]) - back, tonumber(kept[i + 1])
    if number + BUCKETS > current then
      live[#live + 1] = {number, count}
      used = used + count
    else
      gone[#gone + 1] = kept[i]
    end
  end
  if back > 0 then
    redis.call('DEL', key)
    for _, bucket in ipairs(live) do
      redis.call('HSET', key, text(bucket[1]), text(bucket[2]))
    end
    gone = {}
    keep(key, (BUCKETS + 1) * width)
  end
  local free, empty = now, (current + BUCKETS) * width
  if used >= calls then
    table.sort(live, function(one, other) return one[1] < other[1] end)
    local left = used
    for _, bucket in ipairs(live) do
      left = left - bucket[2]
      if left < calls then
        free = (bucket[1] + BUCKETS) * width
        break
      end
    end
    empty = (newest - back + BUCKETS) * width
  end
  local function count()
    for _, number in ipairs(gone) do
      redis.call('HDEL', key, number)
    end
    redis.call('HINCRBY', key, text(current), 1)
    keep(key, (BUCKETS + 1) * width)
  end
  return used, free, empty, count
end

local answers, counts, admitted = {}, {}, ARGV[1] == '1'
for i, key in ipairs(KEYS) do
  local calls, kind, span = tonumber(ARGV[3 * i - 1]), ARGV[3 * i], tonumber(ARGV[3 * i + 1])
  local look = kind == 'log' and log or buckets
  local used, free, empty, count = look(key, calls, span)
  admitted = admitted and used < calls
  counts[i] = count
  answers[#answers + 1] = text(used)
  answers[#answers + 1] = text(math.max(free - now, 0))
  answers[#answers + 1] = text(math.max(empty - now, 0))
end
if admitted then
  for _, count in ipairs(counts) do
    count()
  end
end
return answers

import { ROOT_SALT_WIDTH } from './epoch.js';
import { MARK_EVENT } from './stored-entry.js';

/**
 * What all scripts begin with.
 *
 * The stream holds the entries, and nothing can go from it unseen: each names the one before it. The hash
 * `meta` holds the epoch, the newest id ever given (`last`), the bytes of data of all entries ever (`sum`), and for each
 * idempotency key the entry that has it. It is one hash so that an eviction takes them all, which is a new
 * epoch, and never the keys alone, which would be a double. The list `order` has the keys in the order of
 * their entries, so that they go with them, whoever trims.
 *
 * A script fails before it has written anything or not at all: types are looked at first, and Redis refuses
 * the first write for want of memory, of a disk or of a master, never a later one.
 */
export const HISTORY = `
local stream, meta, order = KEYS[1], KEYS[2], KEYS[3]
local fresh, following = ARGV[1], ARGV[2]
local maxEvents, maxBytes, maxAge = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local epoch, last, sum
local hasStream

-- The parts of an entry of the log; nothing for one that a foreign hand has added.
local function parts(entry)
  local fields = entry[2]
  if #fields == 6 and fields[1] == 'at' and fields[3] == 'event' and fields[5] == 'data' then
    local previous, upTo, time = string.match(fields[2], '^(%d+%-%d+) (%d+) (%S+)$')
    return previous, tonumber(upTo), tonumber(time), fields[6]
  end
end

local function isAfter(a, b)
  local ms1, seq1 = string.match(a, '^(%d+)%-(%d+)$')
  local ms2, seq2 = string.match(b, '^(%d+)%-(%d+)$')
  ms1, ms2 = tonumber(ms1), tonumber(ms2)
  return ms1 > ms2 or (ms1 == ms2 and tonumber(seq1) > tonumber(seq2))
end

-- The first entry of the log after an id, and the one that it names as its predecessor.
local function firstAfter(id)
  local from, count = '(' .. id, 1
  while true do
    local found = redis.call('XRANGE', stream, from, '+', 'COUNT', count)
    for _, entry in ipairs(found) do
      local previous = parts(entry)
      if previous then
        return entry, previous
      end
    end
    if #found < count then
      return nil
    end
    from, count = '(' .. found[#found][1], 100
  end
end

-- The first entry's sequence is chance, as its epoch's salt is: of two histories in one millisecond (FLUSHALL)
-- none has the other's ids, by which a tail would take it for the one that it knows.
local function nextId()
  if hasStream then
    return '*'
  end
  hasStream = true
  local now = redis.call('TIME')
  local sequence = tonumber(string.sub(epoch, -${ROOT_SALT_WIDTH}), 36)
  return string.format('%.0f-%.0f', now[1] * 1000 + math.floor(now[2] / 1000), sequence)
end

local function add(time, event, data)
  sum = sum + #data
  last = redis.call('XADD', stream, nextId(),
    'at', last .. ' ' .. string.format('%.0f', sum) .. ' ' .. time, 'event', event, 'data', data)
  return last
end

local function save()
  redis.call('HSET', meta, 'epoch', epoch, 'last', last, 'sum', string.format('%.0f', sum))
end

-- Goes on under another epoch; an entry says so to all who tail, in its place.
local function beginEpoch(name)
  epoch = name
  local now = redis.call('TIME')
  add(string.format('%.0f', now[1] * 1000), '${MARK_EVENT}', '{"epoch":"' .. epoch .. '"}')
  save()
end

local function open()
  local length = redis.call('XLEN', stream)
  redis.call('LLEN', order)
  local found = redis.call('HMGET', meta, 'epoch', 'last', 'sum')
  epoch, last, sum = found[1], found[2], tonumber(found[3] or 0)
  hasStream = length > 0 or redis.call('EXISTS', stream) == 1
  if epoch and (hasStream or last == '0-0') then
    return
  end
  if not hasStream then
    epoch, last, sum = fresh, '0-0', 0
    redis.call('UNLINK', meta, order)
    return save()
  end
  -- The hash was evicted or deleted. The entries stay, their keys cannot be told any more.
  last = '0-0'
  local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if newest then
    local previous, upTo = parts(newest)
    if not previous then
      return redis.error_reply('FOREIGN the stream holds entries that are not of this log')
    end
    last, sum = newest[1], upTo
  else
    local info = redis.call('XINFO', 'STREAM', stream)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        last = info[i + 1]
      end
    end
  end
  beginEpoch(following)
  redis.call('UNLINK', order)
end

-- Drops what is too much or too old, the oldest first, and gives the floor: the predecessor of the
-- first entry that is left.
local function trim()
  local length = redis.call('XLEN', stream)
  if length > maxEvents then
    redis.call('XTRIM', stream, 'MAXLEN', maxEvents)
    length = maxEvents
  end
  local now = redis.call('TIME')
  local limit = now[1] * 1000 + now[2] / 1000 - maxAge
  local from, count, seen, dropped, floor = '-', 1, 0, 0, nil
  local newestSeen = last
  while not floor and seen < 5000 do
    local found = redis.call('XRANGE', stream, from, '+', 'COUNT', count)
    if #found == 0 then
      floor = last
    end
    for _, entry in ipairs(found) do
      seen = seen + 1
      local previous, upTo, time, data = parts(entry)
      if previous then
        local added = tonumber(string.match(entry[1], '^%d+'))
        local isOld = math.min(time or added, added) <= limit
        local isOver = sum - upTo + #data > maxBytes and entry[1] ~= last
        if not isOld and not isOver then
          floor = previous
          break
        end
        dropped, newestSeen = seen, entry[1]
        -- Twice as many each time: mostly one goes for one that has come.
        count = math.max(1, math.min(2 * seen, 100, math.floor(65536 / (#data + 1))))
      else
        count = 100
      end
    end
    if #found > 0 then
      from = '(' .. found[#found][1]
    end
  end
  if dropped > 0 then
    redis.call('XTRIM', stream, 'MAXLEN', length - dropped)
  end
  return floor or newestSeen
end

-- The keys of entries that are gone can be used again.
local function freeKeys(floor)
  for _ = 1, 1000 do
    local oldest = redis.call('LINDEX', order, 0)
    if not oldest then
      return
    end
    local id, key = string.match(oldest, '^(%d+%-%d+) (.*)$')
    if id and isAfter(id, floor) then
      return
    end
    redis.call('LPOP', order)
    if id and redis.call('HGET', meta, 'key:' .. key) == id then
      redis.call('HDEL', meta, 'key:' .. key)
    end
  end
end

-- The floor where nothing can be written: on a replica, or while the disk is full.
local function floorNow()
  local done, floor = pcall(trim)
  if done then
    return floor
  end
  local _, previous = firstAfter('0-0')
  return previous or last
end

local refusal = open()
if refusal then
  return refusal
end
`;

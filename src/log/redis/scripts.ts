import { createHash } from 'node:crypto';
import { ROOT_WIDTH } from './epoch.js';
import { HISTORY } from './script-history.js';

/** A Lua script and the hash by which the server knows it. */
export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha1: string;
}

/** Arguments: four for each record. Gives the epoch and for each record its id, or the entry that has its key. */
export const APPEND = script(
  'append',
  `
local results = {}
for i = 6, #ARGV, 4 do
  local time, key, event, data = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local earlier = key ~= '' and redis.call('HGET', meta, 'key:' .. key)
  -- Retained it must be: an entry can also have been deleted by hand.
  local entry = earlier and redis.call('XRANGE', stream, earlier, earlier)[1]
  if entry then
    results[#results + 1] = entry
  else
    local id = add(time, event, data)
    if key ~= '' then
      redis.call('HSET', meta, 'key:' .. key, id)
      redis.call('RPUSH', order, id .. ' ' .. key)
    end
    results[#results + 1] = id
  end
end
save()
-- What is stored is stored, whatever becomes of what is old.
pcall(function() freeKeys(trim()) end)
return { epoch, results }
`,
);

/**
 * Arguments: a reader's epoch and position. Confirms that the position is a place in the history and that
 * nothing after it is gone. Where the history itself lacks what the reader has seen, it gets another epoch here.
 * Gives the epoch, the floor, and from where on the reader has not seen the history.
 */
export const CONFIRM = script(
  'confirm',
  `
local known, position = ARGV[6], ARGV[7]

-- Byte order, which the server's locale must not change.
local function isEarlier(a, b)
  for i = 1, math.max(#a, #b) do
    local x, y = string.byte(a, i) or 0, string.byte(b, i) or 0
    if x ~= y then
      return x < y
    end
  end
  return false
end

local _, previous = firstAfter(position)
local from = previous or last
local isAkin = string.sub(epoch, 1, ${ROOT_WIDTH}) == string.sub(known, 1, ${ROOT_WIDTH})
local isLost = epoch == known and isAfter(position, from)
-- The reader left this epoch behind when it lost entries, and now the change itself is lost.
local isUndone = isAkin and isEarlier(epoch, known)
if isLost or isUndone then
  beginEpoch(following)
end
local floor = floorNow()
pcall(freeKeys, floor)
-- Nothing of a strange history was seen, unless it has the reader's entry: then only its name is strange.
if not isAkin and #redis.call('XRANGE', stream, position, position) == 0 then
  from = floor
end
return { epoch, floor, from }
`,
);

/**
 * Arguments: an epoch or nothing, a direction (`after` or `through`), an id, most events, most bytes. Gives
 * the epoch, the floor, the newest id, and entries in the direction's order, none of another epoch.
 */
export const READ = script(
  'read',
  `
local known, direction, id, most, bytes = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
local floor = floorNow()
local entries, read, count = {}, 0, 1
local from = direction == 'after' and '(' .. id or id
local isDone = epoch ~= known
while not isDone and #entries < most do
  count = math.min(count, most - #entries)
  local found
  if direction == 'after' then
    found = redis.call('XRANGE', stream, from, '+', 'COUNT', count)
  else
    found = redis.call('XREVRANGE', stream, from, '-', 'COUNT', count)
  end
  isDone = #found < count
  for _, entry in ipairs(found) do
    local previous, _, _, data = parts(entry)
    if previous then
      read = read + #data
      if #entries > 0 and read > bytes then
        isDone = true
        break
      end
      entries[#entries + 1] = entry
    end
  end
  if #found > 0 then
    from = '(' .. found[#found][1]
  end
  -- As many as fit by what was read so far, or large entries would fill the server's memory.
  local average = read / math.max(1, #entries)
  count = math.max(1, math.min(100, math.floor((bytes - read) / math.max(1, average))))
end
return { epoch, floor, last, entries }
`,
);

function script(name: string, body: string): Script {
  const source = HISTORY + body;
  return {
    name,
    source,
    sha1: createHash('sha1').update(source).digest('hex'),
  };
}

-- common.lua: what every script of the gate begins with, after the two preludes
--   lineage()  gives the run id and the replication id of the process that runs this script
--   clock()    gives its time, µs
-- Numbers are exact below 2^53 and are formatted by int(): Lua's own tostring rounds at 14 digits.

local REPLY = '1' -- version of every reply
local FORM = '2'  -- of what is kept in Redis, but the journal: a shard in another form is recovered, not read

local function int(n) return string.format('%d', n) end

-- open reads a shard's head. valid: this process, with this history, is the one that was vouched for, in the epoch that
-- was loaded. now never runs back behind a time that was used.
local function open(key)
  local h = redis.call('HMGET', key, 'run', 'repl', 'vouched', 'epoch', 'seq', 'last', 'acked_at')
  local run, repl = lineage()
  local last = tonumber(h[6] or '0')
  local s = { key = key, run = run or '', repl = repl or '', epoch = h[4] or '0', seq = tonumber(h[5] or '0'), last = last,
    acked_at = tonumber(h[7] or '0') }
  s.now = math.max(clock(), last)
  s.valid = h[1] and h[1] == run and h[2] == repl and h[4] and h[3] == FORM .. ':' .. h[4] or false
  return s
end

-- keep writes down the time that was used.
local function keep(s)
  if s.now > s.last then
    redis.call('HSET', s.key, 'last', int(s.now))
    s.last = s.now
  end
end

-- append writes the shard's next record. It is the first write of a decision: an id that does not follow is an error
-- here, before anything else has changed.
local function append(s, journal, kind, lot, version, fields)
  local seq = int(s.seq + 1)
  redis.call('XADD', journal, s.epoch .. '-' .. seq, 'k', kind, 'l', lot, 'v', version, 't', int(s.now), unpack(fields))
  redis.call('HSET', s.key, 'seq', seq, 'last', int(s.now))
  s.seq, s.last = s.seq + 1, s.now
  return seq
end

-- several runs a command on a list that may be longer than Lua's stack.
local STACK = 4000
local function several(command, list)
  for from = 1, #list, STACK do redis.call(command, unpack(list, from, math.min(from + STACK - 1, #list))) end
end

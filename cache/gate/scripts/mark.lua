-- mark.lua: writes down that Kafka has acknowledged the shard's journal up to a record (durability kafka). Only on the
-- Redis that decides, and only in its own epoch: what an older epoch's relay says may have been cut off since.
--
-- KEYS[1] head
-- ARGV[1] epoch
-- ARGV[2] seq
-- returns {version, status}; status ok | unvouched

local head, epoch, seq = KEYS[1], ARGV[1], tonumber(ARGV[2])
local s = open(head)
if not s.valid or s.epoch ~= epoch or seq > s.seq then return { REPLY, 'unvouched' } end
local old_epoch, old_seq = string.match(redis.call('HGET', head, 'acked') or '', '^(%d+)-(%d+)$')
local old = old_epoch == epoch and tonumber(old_seq) or -1
-- A mark that stands still while records wait behind it grows old: Kafka does not answer.
if seq > old or old == s.seq then
  redis.call('HSET', head, 'acked', epoch .. '-' .. int(math.max(seq, old)), 'acked_at', int(s.now), 'last', int(s.now))
end
return { REPLY, 'ok' }

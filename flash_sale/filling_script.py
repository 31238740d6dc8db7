"""The scripts that bring a gate to agree with the database, each on one shard and at once."""

from typing import Final

from flash_sale.gate_script import HEAD, Script

_CLOCK: Final = r"""
return string.format('%d%06d', tonumber(time[1]), tonumber(time[2]))
"""

# ARGV: filled_at · read_ms · margin_ms · pending_ms · loan_ms · keep_loan_ms · microseconds since
# the last fill after which only a full reading will do, 0 when it is one.
# Drops what is surely in the reading and what nobody settled in time; says what is left.
# A lost gate gets a number at once, by the time, so that it is never taken for an earlier one.
_LOOK: Final = r"""
local meta = call('HMGET', META, 'fill_no', 'filled_at', 'shards', 'units', 'early_units')
if not meta[1] then
  meta[1] = string.format('%.0f', time[1] * 1000000 + time[2])
  call('HSET', META, 'fill_no', meta[1])
  call('EXPIRE', META, 60)
end
local told = {tonumber(meta[1] or 0), tonumber(meta[2] or 0), tonumber(meta[3] or 0)}
if told[3] == 0 or told[2] > tonumber(ARGV[1]) then return told end
local late = tonumber(ARGV[7])
if late > 0 and tonumber(ARGV[1]) - told[2] > late then return told end
call('HSET', META, 'filled_at', ARGV[1])
local read, margin, pending = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local sure, unsure, sure_early, unsure_early = 0, 0, 0, 0
local entries = call('HGETALL', ENTRIES)
for i = 1, #entries, 2 do
  local quantity, admitted, settled, early = parts(entries[i + 1])
  if settled > 0 and settled <= read - margin then
    call('HDEL', ENTRIES, entries[i])
  elseif settled == 0 and admitted <= now - pending then
    give_back(entries[i], quantity, early)
  elseif admitted > read + margin then
    sure = sure + quantity
    if early then sure_early = sure_early + quantity end
  else
    unsure = unsure + quantity
    if early then unsure_early = unsure_early + quantity end
  end
end
local loans, young = call('HGETALL', LOANS), {}
for i = 1, #loans, 2 do
  local units, at = string.match(loans[i + 1], '^(%d+) (%d+)$')
  if now - at > tonumber(ARGV[6]) then
    call('HDEL', LOANS, loans[i])
  elseif now - at <= tonumber(ARGV[5]) then
    young[#young + 1] = loans[i]
    young[#young + 1] = tonumber(units)
  end
end
local left = call('HMGET', META, 'units', 'early_units')
for i, number in ipairs({left[1], left[2], sure, unsure, sure_early, unsure_early}) do
  told[3 + i] = tonumber(number)
end
told[10] = young
return told
"""

# ARGV: fill_no · read_ms · margin_ms · members, each with the units it holds after its 16 bytes,
# or with '-' when the reading does not know it: such a member is forgotten.
# A count between what must and what may be right is left alone.
_COUNT: Final = r"""
if call('HGET', META, 'fill_no') ~= ARGV[1] then return 0 end
local read, margin, sure, unsure = tonumber(ARGV[2]), tonumber(ARGV[3]), {}, {}
local entries = call('HGETALL', ENTRIES)
for i = 1, #entries, 2 do
  local member = sub(entries[i], 1, 16)
  local quantity, admitted, settled = parts(entries[i + 1])
  if admitted > read + margin then
    sure[member] = (sure[member] or 0) + quantity
  elseif settled == 0 or settled > read - margin then
    unsure[member] = (unsure[member] or 0) + quantity
  end
end
for i = 4, #ARGV do
  local member, units = sub(ARGV[i], 1, 16), sub(ARGV[i], 17)
  local least = (tonumber(units) or 0) + (sure[member] or 0)
  local most = least + (unsure[member] or 0)
  local held = math.max(least, math.min(most, tonumber(call('HGET', HELD, member) or 0)))
  if held > 0 or units ~= '-' or sure[member] or unsure[member] then
    call('HSET', HELD, member, held)
  else call('HDEL', HELD, member) end
end
return 1
"""

# ARGV: fill_no · change of units · change of early units · seconds to keep · what was settled until
# then is in the reading, in ms · how many fields · fields and values · offers, each a member and an
# offer of 16 bytes. A gate that was lost, or is on a server that never filled it, notes when; what
# it was told nothing of is in the first reading that began after that.
_FILL: Final = r"""
local meta = call('HMGET', META, 'fill_no', 'units', 'early_units', 'server', 'lost_at')
if meta[1] ~= ARGV[1] then return 0 end
local fields, here = tonumber(ARGV[6]), server()
if meta[4] ~= here then
  call('HSET', META, 'server', here, 'lost_at', string.format('%.0f', now))
elseif meta[5] and tonumber(ARGV[5]) > tonumber(meta[5]) then
  call('HDEL', META, 'lost_at')
end
call('HSET', META, unpack(ARGV, 7, 6 + fields * 2))
call('HSET', META, 'units', math.max(0, tonumber(meta[2] or 0) + tonumber(ARGV[2])),
     'early_units', math.max(0, tonumber(meta[3] or 0) + tonumber(ARGV[3])))
call('HINCRBY', META, 'fill_no', 1)
call('DEL', OFFERS)
for i = 7 + fields * 2, #ARGV do
  call('HSET', OFFERS, sub(ARGV[i], 1, 16), sub(ARGV[i], 17))
end
for i = 1, #KEYS do call('EXPIRE', KEYS[i], ARGV[4]) end
return 1
"""

# KEYS: what the one who fills holds · ARGV: the token by which it is known as theirs.
_RELEASE: Final = r"""
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""

CLOCK: Final = Script(HEAD + _CLOCK)
LOOK: Final = Script(HEAD + _LOOK)
COUNT: Final = Script(HEAD + _COUNT)
FILL: Final = Script(HEAD + _FILL)
RELEASE: Final = Script(_RELEASE)

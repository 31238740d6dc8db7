"""The scripts by which claims go through the gate, each on one shard and at once; how one is run.

An entry remembers an admitted claim as "quantity admitted_ms settled_ms early", with 0 for not
settled. Units move only together with the entry that explains them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Final, NamedTuple

# Nearly every script takes the same six keys of its shard, and tells the time by its own server.
HEAD: Final = r"""
local META, HELD, ENTRIES, OFFERS, COUNTS, LOANS = unpack(KEYS)
local call, sub, byte = redis.call, string.sub, string.byte
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function parts(entry)
  local quantity, admitted, settled, early = string.match(entry, '^(%d+) (%d+) (%d+) (%d)$')
  return tonumber(quantity), tonumber(admitted), tonumber(settled), early == '1'
end
local function give_back(name, quantity, early)
  call('HDEL', ENTRIES, name)
  call('HINCRBY', META, 'units', quantity)
  if early then call('HINCRBY', META, 'early_units', quantity) end
  call('HINCRBY', COUNTS, 'units_given_back', quantity)
  -- With 0, too, a member is looked up when refused: an earlier claim of theirs may be true.
  local member = sub(name, 1, 16)
  if call('HINCRBY', HELD, member, -quantity) < 0 then call('HSET', HELD, member, 0) end
end
local function server()
  local told = redis.pcall('INFO', 'server')
  return type(told) == 'string' and string.match(told, 'run_id:(%w+)') or ''
end
"""

# ARGV: shards · "1" when other shards will be asked before a claim is sold out · claims.
# Returns a byte for each claim. What is asked for again is not counted before its last word.
_ADMIT: Final = r"""
local meta = call('HMGET', META, 'shards', 'state', 'starts_ms', 'ends_ms', 'limit', 'units',
                  'early_starts_ms', 'early_units')
local total = #ARGV - 2
if meta[1] ~= ARGV[1] then return string.rep('\8', total) end
local starts, ends, limit = tonumber(meta[3]), tonumber(meta[4]), tonumber(meta[5])
local units, early_starts, early_units = tonumber(meta[6]), tonumber(meta[7]), tonumber(meta[8])
local is_open, is_before = meta[2] == 'open', now < starts
local is_early = is_before and early_starts and now >= early_starts
local names, members, held, said, counts = {}, {}, {}, {}, {}
for i = 1, total do
  names[i] = sub(ARGV[i + 2], 4)
  members[i] = sub(ARGV[i + 2], 4, 19)
end
local entries = call('HMGET', ENTRIES, unpack(names))
local offers = call('HMGET', OFFERS, unpack(members))
local held_before = call('HMGET', HELD, unpack(members))
local fresh, new_entries, new_held, taken, taken_early = {}, {}, {}, 0, 0
local function verdict(i)
  local name, member = names[i], members[i]
  if entries[i] or fresh[name] then return 0 end
  if not is_open then return 6 end
  if offers[i] then return 7 end
  if now >= ends then return 5 end
  local flags, high, low = byte(ARGV[i + 2], 1, 3)
  local quantity = high * 256 + low
  if is_before and not (is_early and flags % 2 == 1 and quantity <= early_units) then return 4 end
  local before = held[member] or tonumber(held_before[i] or 0)
  if before + quantity > limit then return 3 end
  if quantity > units then return units > 0 and 2 or 1 end
  units, taken = units - quantity, taken + quantity
  if is_before then early_units, taken_early = early_units - quantity, taken_early + quantity end
  held[member], fresh[name] = before + quantity, true
  new_entries[#new_entries + 1] = name
  new_entries[#new_entries + 1] = string.format('%d %.0f 0 %d', quantity, now, is_before and 1 or 0)
  new_held[#new_held + 1] = member
  new_held[#new_held + 1] = before + quantity
  return 0
end
for i = 1, total do
  local answer = verdict(i)
  said[i] = string.char(answer)
  counts[answer] = (counts[answer] or 0) + 1
end
if taken > 0 then
  call('HSET', ENTRIES, unpack(new_entries))
  call('HSET', HELD, unpack(new_held))
  call('HINCRBY', META, 'units', -taken)
  if taken_early > 0 then call('HINCRBY', META, 'early_units', -taken_early) end
  call('HINCRBY', COUNTS, 'units_admitted', taken)
end
for answer, times in pairs(counts) do
  if ARGV[2] == '0' or answer ~= 1 and answer ~= 2 then
    call('HINCRBY', COUNTS, answer, times)
  end
end
return table.concat(said)
"""

# ARGV: how many are done · names of entries that are done · names of those given back.
# An entry that is done stays until a reading of the database is sure to have it. One that was lost
# with the gate may be in no reading yet: it is remembered again, as one that takes no units, so
# that the same claim is let through and its member is known as one who may hold some.
_SETTLE: Final = r"""
local done = tonumber(ARGV[1])
for i = 2, #ARGV do
  local entry = call('HGET', ENTRIES, ARGV[i])
  if entry then
    local quantity, admitted, settled, early = parts(entry)
    if settled == 0 and i <= done + 1 then
      local text = string.format('%d %.0f %.0f %d', quantity, admitted, now, early and 1 or 0)
      call('HSET', ENTRIES, ARGV[i], text)
    elseif settled == 0 then
      give_back(ARGV[i], quantity, early)
    end
  elseif i <= done + 1 then
    call('HSET', ENTRIES, ARGV[i], string.format('0 %.0f %.0f 0', now, now))
    call('HSETNX', HELD, sub(ARGV[i], 1, 16), 0)
    if call('EXISTS', META) == 0 then
      call('EXPIRE', ENTRIES, 60)
      call('EXPIRE', HELD, 60)
    end
  end
end
return 1
"""

# ARGV: shards, then members perhaps. Returns what each holds; nothing at all of a shard that was
# lost or may not know everybody. It may not when its server is another one than that which filled
# it last, as after a failover or a restart, and until a reading that began after the first fill of
# a lost one.
_HOLDING: Final = r"""
local meta = call('HMGET', META, 'shards', 'server', 'lost_at')
if meta[1] ~= ARGV[1] or meta[2] ~= server() or meta[3] then return false end
if #ARGV == 1 then return {} end
return call('HMGET', HELD, unpack(ARGV, 2))
"""

# ARGV: id of the loan · units needed. Returns how many units were lent: half, or what is needed.
_LEND: Final = r"""
local known = call('HGET', LOANS, 'L' .. ARGV[1])
if known then return tonumber(string.match(known, '^%d+')) end
local units = tonumber(call('HGET', META, 'units') or 0)
local lent = math.min(units, math.max(math.ceil(units / 2), tonumber(ARGV[2])))
if lent <= 0 then return 0 end
call('HINCRBY', META, 'units', -lent)
call('HSET', LOANS, 'L' .. ARGV[1], string.format('%d %.0f', lent, now))
return lent
"""

# ARGV: pairs of the id of a loan and its units. A shard that was lost meanwhile takes nothing.
_DEPOSIT: Final = r"""
if call('HEXISTS', META, 'shards') == 0 then return 0 end
for i = 1, #ARGV, 2 do
  local text = string.format('%d %.0f', tonumber(ARGV[i + 1]), now)
  if call('HSETNX', LOANS, 'D' .. ARGV[i], text) == 1 then
    call('HINCRBY', META, 'units', ARGV[i + 1])
  end
end
return 1
"""


@dataclass(frozen=True)
class Script:
    """A script and the name under which Redis knows it once it was run."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        """Name it as Redis does."""
        digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha", digest)


ADMIT: Final = Script(HEAD + _ADMIT)
SETTLE: Final = Script(HEAD + _SETTLE)
LEND: Final = Script(HEAD + _LEND)
HOLDING: Final = Script(HEAD + _HOLDING)
DEPOSIT: Final = Script(HEAD + _DEPOSIT)


Word = str | bytes | int


class Call(NamedTuple):
    """One command to Redis; `whole` is said instead when Redis does not know the script."""

    words: tuple[Word, ...]
    whole: tuple[Word, ...] | None = None


def command(*words: Word) -> Call:
    """Return a plain command."""
    return Call(words)


def run(script: Script, keys: Sequence[bytes], *args: Word) -> Call:
    """Return the call of a script on the keys of one shard."""
    rest = (len(keys), *keys, *args)
    return Call(("EVALSHA", script.sha, *rest), ("EVAL", script.text, *rest))

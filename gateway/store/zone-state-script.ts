import { problems } from '../errors.ts'
import type { Stamp } from './cache-store.ts'
import { readStamp } from './kept-zone-state.ts'

/** Keys of the script, all of one site: floors, words of operators, who owes what, when processes were heard, the nodes that they ask, its life, its version. */
export const stateKeys = (site: string): readonly string[] =>
  ['floors', 'forced', 'owing', 'processes', 'pools', 'life', 'version'].map(
    (name) => `tidegate:{${site}}:zones:${name}`,
  )

export const newsChannel = (site: string): string => `tidegate:{${site}}:zones:news`

/** What one process says. Stamps as 20 digits, which compare as texts. */
export interface Said {
  readonly place: string
  readonly channel: string
  /** Above all that is in the zones: the floor of a zone whose debts nobody will settle. */
  readonly stamp: string
  /** Taken only where Redis begins anew. */
  readonly life: string
  readonly floors: Readonly<Record<string, string>>
  /** By zone: `stamp state`. */
  readonly forced: Readonly<Record<string, string>>
  /** By zone, the nodes that it asks. */
  readonly pools: Readonly<Record<string, string>>
  /** `place zone`: is owed. */
  readonly owe: readonly string[]
  /** `place zone`: is owed no more. */
  readonly settle: readonly string[]
  /** ms without a word after which a process is given up, and the zones that it owed start from nothing. */
  readonly abandonMs: number
  /** It ends. */
  readonly leaves: boolean
}

/** All that stands there now, in one moment. */
export interface Told {
  readonly life: string
  readonly version: number
  /** Since this life began, ms. */
  readonly ageMs: number
  readonly floors: ReadonlyMap<string, Stamp>
  readonly forced: ReadonlyMap<string, { readonly state: 'up' | 'write-only'; readonly stamp: Stamp }>
  readonly owing: ReadonlySet<string>
  /** By place, then by zone. */
  readonly pools: ReadonlyMap<string, Readonly<Record<string, string>>>
  /** By place, how long ago it was heard, ms. */
  readonly silentMs: ReadonlyMap<string, number>
}

/**
 * Takes what a process says and gives back what stands there, in one step: whoever reads has all that was said before. By
 * the clock of Redis alone. What changed something is published by the number of its version.
 */
export const stateScript = `
local floors, forced, owing, processes, pools, lifeKey, versionKey = unpack(KEYS)
local said = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changed = false
local function text(number) return string.format('%.0f', number) end
local function higher(key, field, value)
  local held = redis.call('HGET', key, field)
  if held and held >= value then return end
  redis.call('HSET', key, field, value)
  changed = true
end

local life = redis.call('GET', lifeKey)
if not life then
  life = text(now) .. ' ' .. said.life
  redis.call('SET', lifeKey, life)
end
for where, stamp in pairs(said.floors) do higher(floors, where, stamp) end
for zone, word in pairs(said.forced) do higher(forced, zone, word) end
for _, field in ipairs(said.settle) do
  if redis.call('HDEL', owing, field) == 1 then changed = true end
end
for _, field in ipairs(said.owe) do
  if redis.call('HSETNX', owing, field, '1') == 1 then changed = true end
end
redis.call('HSET', processes, said.place, text(now))
local asks = cjson.encode(said.pools)
if redis.call('HGET', pools, said.place) ~= asks then
  redis.call('HSET', pools, said.place, asks)
  changed = true
end
if said.leaves then
  redis.call('HDEL', processes, said.place)
  redis.call('HDEL', pools, said.place)
end

local owes = {}
for _, field in ipairs(redis.call('HKEYS', owing)) do
  local place, zone = string.match(field, '^(%S+) (%S+)$')
  local heard = redis.call('HGET', processes, place)
  -- From now on its time runs, and nobody waits for its answer.
  if not heard then
    heard = text(now - 60000)
    redis.call('HSET', processes, place, heard)
  end
  if now - tonumber(heard) > said.abandonMs then
    higher(floors, zone, said.stamp)
    redis.call('HDEL', owing, field)
    changed = true
  else
    owes[place] = true
  end
end
local silent = {}
local heardOf = redis.call('HGETALL', processes)
for i = 1, #heardOf, 2 do
  local age = now - tonumber(heardOf[i + 1])
  if age > said.abandonMs and not owes[heardOf[i]] then
    redis.call('HDEL', processes, heardOf[i])
    redis.call('HDEL', pools, heardOf[i])
  else silent[heardOf[i]] = age end
end
local version = tonumber(redis.call('GET', versionKey) or '0')
if changed then
  version = redis.call('INCR', versionKey)
  redis.call('PUBLISH', said.channel, 'news ' .. text(version))
end
return cjson.encode({
  life = life, now = text(now), version = version, silent = silent,
  floors = redis.call('HGETALL', floors), pools = redis.call('HGETALL', pools), forced = redis.call('HGETALL', forced), owing = redis.call('HKEYS', owing),
})
`

/** Throws for what the script would not have answered. */
export function readTold(text: string): Told {
  const told = JSON.parse(text) as Readonly<Record<string, unknown>>
  const { life, now, version, silent, floors, forced, pools, owing } = told
  if (typeof life !== 'string' || typeof version !== 'number')
    throw problems['cache-zone-state-unreadable']({ because: 'Redis answered in another form' })
  return {
    life,
    version,
    ageMs: Number(now) - Number(life.slice(0, life.indexOf(' '))),
    floors: new Map(pairs(floors).map(([where, stamp]) => [where, readStamp(stamp)])),
    forced: new Map(
      pairs(forced).map(([zone, word]) => {
        const state = word.slice(21) === 'write-only' ? 'write-only' : 'up'
        return [zone, { state, stamp: readStamp(word.slice(0, 20)) }]
      }),
    ),
    owing: new Set(list(owing)),
    pools: new Map(pairs(pools).map(([place, asks]) => [place, JSON.parse(asks) as Readonly<Record<string, string>>])),
    silentMs: new Map(Object.entries(silent as Readonly<Record<string, number>>)),
  }
}

/** An empty list comes as an empty group. */
const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])

function pairs(value: unknown): [string, string][] {
  const flat = list(value)
  const found: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i] as string, flat[i + 1] as string])
  return found
}

export const stampText = (stamp: Stamp): string => String(stamp).padStart(20, '0')

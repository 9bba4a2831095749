/**
 * All claims of one request in one script, by the server's clock: two gateways whose clocks differ count as one. Taken
 * together or not at all. KEYS: one a claim. ARGV: three a claim: `r`, ms a request, burst; or `q`, count, ms left.
 * Gives four numbers a claim: allowed, remaining, ms to reset, ms to retry. The algorithm is that of gcra.ts.
 */
export const limiterScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local answers, states, all = {}, {}, true
for i = 1, #KEYS do
  local kind = ARGV[i * 3 - 2]
  local a, b = tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
  local held = tonumber(redis.call('GET', KEYS[i]) or '0') or 0
  if kind == 'r' then
    local span = a * b
    local before = math.max(held, now)
    local after = before + a
    local retry = after - span - now
    if retry > 0.001 then
      all = false
      answers[i] = { 0, 0, before - now, retry }
    else
      answers[i] = { 1, math.floor((span - (after - now)) / a + 0.001), after - now, 0 }
      states[i] = { string.format('%.3f', after), math.ceil(after - now) + 1 }
    end
  elseif held < a then
    answers[i] = { 1, a - held - 1, b, 0 }
    states[i] = { tostring(held + 1), math.ceil(b) + 60000 }
  else
    all = false
    answers[i] = { 0, 0, b, b }
  end
end
if all then
  for i = 1, #KEYS do redis.call('SET', KEYS[i], states[i][1], 'PX', states[i][2]) end
end
local flat = {}
for i = 1, #KEYS do
  for j = 1, 4 do flat[#flat + 1] = tostring(math.ceil(answers[i][j])) end
end
return flat
`

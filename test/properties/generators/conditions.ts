import type { Condition, ConditionFacts } from '#routes/condition.ts'
import type { Random } from './random.ts'

/** Few places and few texts, so that conditions of several routes hold at once, and some of each route do not. */
const places = ['header:x-app-version', 'header:x-channel', 'cookie:beta', 'query:v', 'country'] as const
const texts = ['', '1', '4.2', '4.2.0', '4.10', '5', 'beta', 'bet', 'DE', 'AT', 'a b', 'ä'] as const
const ranges = ['>=4.2', '>=4.2 <5', '<4.10', '=5', '5', '>4.2 <=4.10', '>5 <4'] as const

export function conditions(random: Random): readonly Condition[] {
  const chosen = places.filter(() => random.chance(35))
  return (chosen.length === 0 ? [random.pick(places)] : chosen).map((from) => conditionAt(from, random))
}

function conditionAt(from: Condition['from'], random: Random): Condition {
  switch (random.below(5)) {
    case 0:
      return { from, test: 'equals', value: random.pick(texts) }
    case 1:
      return { from, test: 'prefix', value: random.pick(['b', 'be', '4', '4.2', 'D']) }
    case 2:
      return { from, test: 'oneOf', value: [random.pick(texts), random.pick(texts)] }
    case 3:
      return { from, test: 'version', value: random.pick(ranges) }
    default:
      return { from, test: 'exists', value: random.chance(50) }
  }
}

/** A request that says something at some of the places. */
export function said(random: Random): ConditionFacts & { readonly headers: Readonly<Record<string, string>> } {
  const text = () => (random.chance(40) ? undefined : random.pick(texts))
  const [version, channel, cookie, query] = [text(), text(), text(), text()]
  const headers: Record<string, string> = {}
  if (version !== undefined) headers['x-app-version'] = version
  if (channel !== undefined) headers['x-channel'] = channel
  if (cookie !== undefined) headers['cookie'] = `other=1; beta=${cookie}`
  return {
    target: query === undefined ? '' : `?x=2&v=${random.chance(50) ? encodeURIComponent(query) : query}&v=other`,
    country: text(),
    header: (name) => headers[name],
    headers,
  }
}

import type { Condition, ConditionFacts } from './condition.ts'
import { type Bound, isVersionIn, readRange, readVersion } from './version-range.ts'

/** What an example request says beside method, host and path, so that conditions hold. */
export interface Said {
  /** From `?` on; empty when there is none. */
  readonly query: string
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly country?: string
}

export const saysNothing: Said = { query: '', headers: {} }

/**
 * Ways to meet all conditions, the plainest first, and each text of a list in one of them; none when no request can.
 * `also` are further places at which something stands, since another route may ask that nothing does.
 */
export function waysToSay(when: readonly Condition[], also: readonly Condition['from'][] = []): Said[] {
  const choices = when.map((condition) => ({ from: condition.from, texts: textsFor(condition) }))
  for (const from of also) if (!when.some((one) => one.from === from)) choices.push({ from, texts: [someText] })
  if (choices.some(({ texts }) => texts.length === 0)) return []
  const ways = Math.max(1, ...choices.map(({ texts }) => texts.length))
  return Array.from({ length: ways }, (_, way) => {
    const said = choices.map(({ from, texts }) => [from, texts[way % texts.length] as string | undefined] as const)
    return saidOf(said.flatMap(([from, text]) => (text === undefined ? [] : [[from, text] as const])))
  })
}

/** An example as the facts that conditions look at. */
export function factsOf(target: string, { query, headers, country }: Said): ConditionFacts {
  return { target: target + query, country, header: (name) => headers[name] }
}

const someText = 'x1'

/** Undefined stands for nothing at all. */
function textsFor({ test, value }: Condition): readonly (string | undefined)[] {
  switch (test) {
    case 'exists':
      return [value ? someText : undefined]
    case 'equals':
      return [value]
    case 'prefix':
      return [value, `${value}${someText}`]
    case 'oneOf':
      return value
    case 'version':
      return versionsIn(readRange(value) ?? [])
  }
}

/** The bounds themselves and what comes next after each, as far as the range has them. */
function versionsIn(range: readonly Bound[]): string[] {
  const parts = Math.max(...range.map(({ version }) => version.length))
  const near = range.flatMap(({ version }) => {
    const whole = [...version, ...Array<number>(parts - version.length).fill(0)]
    return [version, [...whole, 1]]
  })
  const texts = [[0], ...near].map((version) => version.join('.'))
  return texts.filter((text) => isVersionIn(range, readVersion(text)))
}

function saidOf(said: readonly (readonly [from: Condition['from'], text: string])[]): Said {
  const named = (kind: string) =>
    said.flatMap(([from, text]) => (from.startsWith(kind) ? [[from.slice(kind.length), text] as const] : []))
  const country = said.find(([from]) => from === 'country')?.[1]
  const query = named('query:').map(([name, text]) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`)
  const cookie = named('cookie:').map(([name, text]) => `${name}=${text}`)
  return {
    query: query.length === 0 ? '' : `?${query.join('&')}`,
    headers: { ...Object.fromEntries(named('header:')), ...(cookie.length > 0 && { cookie: cookie.join('; ') }) },
    ...(country === undefined ? {} : { country }),
  }
}

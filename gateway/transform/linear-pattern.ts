import { setFlagsFromString } from 'node:v8'
import { problems } from '../errors.ts'
import { backtrackingCost } from './backtracking-cost.ts'

// Allows the flag `l`; expressions without it run as before.
setFlagsFromString('--enable-experimental-regexp-engine')

export interface TextPattern {
  test(text: string): boolean
  /** The source: by it ajv tells expressions apart, and would else take the first of a schema for all of them. */
  toString(): string
}

/** What all expressions together may still take of one request. */
export interface Steps {
  left: number
}

/** Some 100 ms (26 ns a step, measured). */
export const mostSteps = 4_000_000

const mostStates = 10_000
const longestSource = 200_000
const steepestExponent = 4

/**
 * An expression from the catalog, to be run on texts from clients. A backtracking engine would let one text of 40 characters
 * stop the process for minutes, so V8's linear one runs it, but where backtracking is known to be as quick. What the linear
 * one cannot do (looking around, `\p{}`, back references) is left to the other where its steps have a bound; all else throws
 * `policy-unusable`. A text for which no steps are left does not match.
 */
export function linearPattern(source: string, steps: Steps): TextPattern {
  const cost = backtrackingCost(source)
  const plain = cost?.exponent === 1 ? undefined : withoutCounts(source)
  if (plain !== undefined) {
    const pattern = new RegExp(plain.text, 'l')
    return bounded(pattern, (length) => length * plain.states)
  }
  if (cost === undefined || cost.exponent > steepestExponent) {
    throw problems['policy-unusable']({ what: 'pattern', pattern: source })
  }
  const { exponent, factor } = cost
  return bounded(new RegExp(source, 'u'), (length) => factor * length ** exponent)

  function bounded(pattern: RegExp, stepsFor: (length: number) => number): TextPattern {
    const test = (text: string): boolean => {
      steps.left -= stepsFor(text.length)
      return steps.left >= 0 && pattern.test(text)
    }
    return { test, toString: () => source }
  }
}

/** `\p{}`, back references, named ones, `\u{}`, looking around, and what takes two code units without the flag `u`. */
const beyondLinear = /\\[pPk1-9]|\\u\{|\(\?(?:[=!]|<[=!])|[\ud800-\udfff]/

interface Plain {
  readonly text: string
  /** How many places a text can be at, one an atom. */
  readonly states: number
}

/**
 * The same expression without `{n,m}`, which the linear engine does not know: written out as often as it counts. Undefined
 * where that would be too long, or the engine could not run it.
 */
export function withoutCounts(source: string): Plain | undefined {
  if (beyondLinear.test(source)) return undefined
  let at = 0
  const sequence = (depth: number): Plain | undefined => {
    let text = ''
    let states = 1
    while (at < source.length && source[at] !== ')') {
      const atom = source[at] === '(' ? group(depth) : single()
      const repeated = atom && counted(atom)
      if (repeated === undefined) return undefined
      text += repeated.text
      states += repeated.states
      if (states > mostStates || text.length > longestSource) return undefined
    }
    return { text, states }
  }
  const group = (depth: number): Plain | undefined => {
    at += 1
    const opening = /^\?(?::|<[^>]*>)/.exec(source.slice(at, at + 130))?.[0] ?? ''
    at += opening.length
    const inner = depth > 20 ? undefined : sequence(depth + 1)
    at += 1
    return inner && { text: `(?:${inner.text})`, states: inner.states }
  }
  const single = (): Plain => {
    const from = at
    if (source[at] === '[') {
      at += 1
      while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1
      at += 1
    } else if (source[at] === '\\') {
      at += { x: 4, u: 6, c: 3 }[source[at + 1] ?? ''] ?? 2
    } else {
      at += 1
    }
    return { text: source.slice(from, at), states: 1 }
  }
  const counted = ({ text, states }: Plain): Plain | undefined => {
    const [whole = '', least = '', comma = '', most = ''] =
      /^\{(\d+)(,?)(\d*)\}\??/.exec(source.slice(at, at + 30)) ?? []
    if (whole === '') {
      const sign = /^[*+?]\??/.exec(source.slice(at, at + 2))?.[0] ?? ''
      at += sign.length
      return { text: text + sign, states }
    }
    at += whole.length
    const times = Number(least)
    const more = comma === '' ? 0 : most === '' ? 1 : Number(most) - times
    const all = (times + more) * states
    if (all > mostStates || (times + more) * (text.length + 1) > longestSource) return undefined
    const rest = comma !== '' && most === '' ? `${text}*` : `${text}?`.repeat(more)
    return { text: text.repeat(times) + rest, states: all }
  }
  return sequence(0)
}

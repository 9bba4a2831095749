import { deltaSeconds } from './delta-seconds.ts'
import { fieldNames } from './fields.ts'

/** What a Cache-Control says, or a field that stands for it. Names are lower case. RFC 9111 section 5.2. */
export interface Directives {
  has(name: string): boolean
  /** The argument, without its quotes; true = it has none; undefined = the directive is not there. */
  get(name: string): string | true | undefined
  /** It is there, and not to be read in one way: its argument, or it contradicts itself. Then it permits nothing. */
  invalid(name: string): boolean
  /** Of a directive that takes seconds; undefined = not there. */
  seconds(name: string): number | 'invalid' | undefined
  /** Names in the argument of `private` or `no-cache`, lower case; undefined: it holds for the whole answer. */
  fields(name: string): readonly string[] | undefined
  /** A quote never closed: what followed may have been a prohibition. */
  readonly unclosed: boolean
}

/** A permission must be readable; a prohibition need not be. */
export function permits(directives: Directives, name: string): boolean {
  return directives.has(name) && !directives.invalid(name)
}

/** Directives that anything here asks about. Others are skipped, so that a long field costs no memory. */
export const knownDirectives: ReadonlySet<string> = new Set([
  'max-age',
  'max-stale',
  'min-fresh',
  'must-revalidate',
  'must-understand',
  'no-cache',
  'no-store',
  'no-transform',
  'only-if-cached',
  'private',
  'proxy-revalidate',
  'public',
  's-maxage',
  'stale-if-error',
  'stale-while-revalidate',
])

/** Those whose argument is a number of seconds. */
export const timedDirectives: ReadonlySet<string> = new Set([
  'max-age',
  'max-stale',
  'min-fresh',
  's-maxage',
  'stale-if-error',
  'stale-while-revalidate',
])

interface Argument {
  readonly value: string | true
  readonly broken: boolean
}

/** Directives as they are collected. */
export class DirectiveSet implements Directives {
  unclosed = false
  readonly #arguments = new Map<string, Argument>()

  /** Twice with one meaning is once; with two it is none (P3). */
  add(name: string, value: string | true, broken: boolean): void {
    const earlier = this.#arguments.get(name)
    if (earlier === undefined) this.#arguments.set(name, { value, broken })
    else if (!sameValue(earlier.value, value) || broken) this.#arguments.set(name, { ...earlier, broken: true })
  }

  has(name: string): boolean {
    return this.#arguments.has(name)
  }

  get(name: string): string | true | undefined {
    return this.#arguments.get(name)?.value
  }

  invalid(name: string): boolean {
    const argument = this.#arguments.get(name)
    if (argument === undefined) return false
    if (argument.broken || !timedDirectives.has(name)) return argument.broken
    // Alone of them it may stand without a number: any staleness will do.
    return argument.value === true ? name !== 'max-stale' : deltaSeconds(argument.value) === undefined
  }

  seconds(name: string): number | 'invalid' | undefined {
    const argument = this.#arguments.get(name)
    if (argument === undefined) return undefined
    if (argument.broken || argument.value === true) return 'invalid'
    return deltaSeconds(argument.value) ?? 'invalid'
  }

  fields(name: string): readonly string[] | undefined {
    const argument = this.#arguments.get(name)
    return argument === undefined || argument.broken || argument.value === true
      ? undefined
      : fieldNames([argument.value])
  }
}

function sameValue(one: string | true, other: string | true): boolean {
  if (one === other) return true
  if (one === true || other === true) return false
  const seconds = deltaSeconds(one)
  return seconds !== undefined && seconds === deltaSeconds(other)
}

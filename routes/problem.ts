/** Problems as RFC 9457 problem+json: one table of them a room, typed facts, nothing internal in the public answer. */

export interface ProblemEntry {
  /** HTTP status of the answer. */
  readonly status: number
  /** One sentence for operators; `{name}` takes the fact of that name. */
  readonly meaning: string
  /** What to do about it. */
  readonly fix: string
}

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never

/** The facts that an entry's placeholders require; other facts may be added, and go to the log. */
type FactsOf<Entry extends ProblemEntry> = [Placeholders<Entry['meaning'] | Entry['fix']>] extends [never]
  ? [facts?: ProblemFacts]
  : [facts: ProblemFacts & { readonly [Name in Placeholders<Entry['meaning'] | Entry['fix']>]: string | number }]

export interface ProblemFacts {
  /** What failed underneath; logged, never shown. */
  readonly cause?: unknown
  /** JSON pointer to the offending part of a request. */
  readonly pointer?: string
  readonly [name: string]: unknown
}

/** An exceptional outcome with a stable code. Programs match on `code`, never on text or class. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: string
  readonly status: number
  readonly fix: string
  readonly facts: ProblemFacts

  constructor(code: string, entry: ProblemEntry, facts: ProblemFacts = {}) {
    super(fill(entry.meaning, facts), facts.cause === undefined ? undefined : { cause: facts.cause })
    this.code = code
    this.status = entry.status
    this.fix = fill(entry.fix, facts)
    this.facts = facts
  }
}

export type ProblemTable<Entries extends Record<string, ProblemEntry>> = {
  readonly [Code in keyof Entries & string]: (...facts: FactsOf<Entries[Code]>) => Problem
} & {
  /** The entries themselves, for the generated reference. */
  readonly entries: Entries
}

/**
 * One room's table of problems.
 *
 *     export const problems = defineProblems({ 'route-unknown': { status: 404, meaning: '...', fix: '...' } })
 *     throw problems['route-unknown']({ target })
 */
export function defineProblems<const Entries extends Record<string, ProblemEntry>>(
  entries: Entries,
): ProblemTable<Entries> {
  const table: Record<string, unknown> = { entries }
  for (const [code, entry] of Object.entries(entries)) {
    table[code] = (facts?: ProblemFacts) => new Problem(code, entry, facts)
  }
  return Object.freeze(table) as ProblemTable<Entries>
}

/** The public shape. Operators' listeners add `detail` and `fix` (`forOperator`), request validation a `pointer`. */
export interface ProblemBody {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly requestId: string
  readonly detail?: string
  readonly fix?: string
  readonly pointer?: string
}

export const problemMediaType = 'application/problem+json'

/** What a client may see: no internal name or address. RFC 9457 section 3. */
export function publicBody(code: string, status: number, requestId: string): ProblemBody {
  return { type: `urn:tidegate:problem:${code}`, title: titleOf(code), status, code, requestId }
}

/** What an operator sees on top: the cause in words and how to mend it. */
export function operatorBody(problem: Problem, requestId: string): ProblemBody {
  const pointer = problem.facts.pointer
  return {
    ...publicBody(problem.code, problem.status, requestId),
    detail: problem.message,
    fix: problem.fix,
    ...(pointer === undefined ? {} : { pointer }),
  }
}

function titleOf(code: string): string {
  const words = code.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function fill(text: string, facts: ProblemFacts): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (facts[name] === undefined ? whole : String(facts[name])))
}

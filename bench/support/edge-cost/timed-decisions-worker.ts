/** A worker for one proof: what a decision costs inside workerd. Its clock counts whole ms, so batches are long. */
import { canonicalTarget } from '#routes/canonical-target.ts'
import { decide } from '#routes/decide.ts'
import { receiveAtEdge } from '#routes/edge-parts.ts'
import { type LinearRoute, linearMatch } from '#routes/linear-matcher.ts'
import { readPattern } from '#routes/pattern.ts'
import type { RequestFacts } from '#routes/request-facts.ts'
import { trustedKeys } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import { type Asked, type Question, summary } from '../../../test/wire/decisions-worker.ts'

export interface Timing extends Asked {
  /** What else a client says: the last column asks a `Headers` of these fields instead of a plain object. */
  readonly headers: Readonly<Record<string, string>>
  /** Timed each by itself. */
  readonly hostile: readonly Question[]
  readonly batches: number
  readonly batchMs: number
  /** Whether the costliest question is looked for; it takes some seconds. */
  readonly findWorst: boolean
}

/** Nanoseconds a decision. */
export interface DecisionTimes {
  readonly summaries: readonly string[]
  /** One figure a batch; a batch is all questions, over and over. */
  readonly plain: readonly number[]
  readonly withHeaders: readonly number[]
  /** The control: the same question asked of a list of routes. */
  readonly linear: number
  readonly hostile: readonly number[]
  readonly worst: { readonly target: string; readonly ns: number } | undefined
  /** On the wall, for all of it. */
  readonly tookMs: number
}

export default {
  async fetch(request: Request): Promise<Response> {
    // The supervisor's question whether it is ready.
    if (request.method !== 'POST') return new Response('ready')
    const timing = (await request.json()) as Timing
    const { offer, keys } = timing
    const { table } = await receiveAtEdge(undefined, offer, (await trustedKeys(keys)) ?? new Map())
    if (table === undefined) return new Response('the table was refused', { status: 500 })
    return new Response(JSON.stringify(timesOf(table, timing)))
  },
}

function timesOf(table: EdgeTable, timing: Timing): DecisionTimes {
  const { questions, hostile, batches, batchMs, findWorst } = timing
  const begun = Date.now()
  const facts = questions.map(plainFacts)
  const decideOne = (one: RequestFacts): number => decide(table, one).position
  const rounds = (of: readonly RequestFacts[]) =>
    Array.from({ length: batches }, () => nanoseconds(decideOne, of, batchMs))
  const times = {
    summaries: facts.map((one) => summary(decide(table, one))),
    plain: rounds(facts),
    withHeaders: rounds(questions.map((question) => factsOfHeaders(question, timing.headers))),
    linear: nanoseconds(linear(table), facts, batchMs),
    hostile: hostile.map((question) => nanoseconds(decideOne, [plainFacts(question)], batchMs)),
    worst: findWorst ? costliest(decideOne, facts) : undefined,
  }
  return { ...times, tookMs: Date.now() - begun }
}

function plainFacts({ headers, ...rest }: Question): RequestFacts {
  return { ...rest, header: (name) => headers[name] }
}

/** As the edge's own facts do: each look-up leaves JavaScript. */
function factsOfHeaders({ headers, ...rest }: Question, more: Readonly<Record<string, string>>): RequestFacts {
  const fields = new Headers({ ...more, ...headers })
  return { ...rest, header: (name) => fields.get(name) ?? undefined }
}

/** Without the trie, as chains of patterns do it. */
function linear({ structure }: EdgeTable): (facts: RequestFacts) => number {
  const routes: LinearRoute[] = structure.value.routes.flatMap(({ pattern, host, methods }) => {
    const read = readPattern(pattern)
    return read.ok ? [{ pattern: read.pattern, ...(host && { host }), ...(methods && { methods }) }] : []
  })
  return ({ host, target, method }) => linearMatch(routes, host, canonicalTarget(target).key, method)
}

/** Added up, so that no decision can be left out as useless. */
let positions = 0

/** Over all of them, again and again for at least so long; of the last one that was begun all or a part. */
function nanoseconds(decideOne: (facts: RequestFacts) => number, of: readonly RequestFacts[], leastMs: number): number {
  const begun = nextTick()
  let decided = 0
  for (;;) {
    // Asked now and then: the clock costs as much as a decision.
    for (let at = 0; at < 64; at++) positions += decideOne(of[decided++ % of.length] as RequestFacts)
    const tookMs = Date.now() - begun
    if (tookMs >= leastMs) return positions === -1 ? 0 : (tookMs * 1e6) / decided
  }
}

/** The moment at which the clock moves: a batch that begins there is wrong by one ms at most, not by two. */
function nextTick(): number {
  const before = Date.now()
  let now = before
  while (now === before) now = Date.now()
  return now
}

/** Groups are timed, then each of the slowest groups, then the slowest of those three times: noise only adds. */
function costliest(decideOne: (facts: RequestFacts) => number, facts: readonly RequestFacts[]) {
  const slowest = (groups: readonly (readonly RequestFacts[])[], leastMs: number, count: number) =>
    groups
      .map((group) => ({ group, ns: nanoseconds(decideOne, group, leastMs) }))
      .sort((a, b) => b.ns - a.ns)
      .slice(0, count)
  const alone = (all: readonly { readonly group: readonly RequestFacts[] }[]) =>
    all.flatMap(({ group }) => group.map((one) => [one]))
  const groups = Array.from({ length: Math.ceil(facts.length / 100) }, (_, at) => facts.slice(at * 100, at * 100 + 100))
  const suspects = slowest(alone(slowest(groups, 10, 5)), 4, 12)
  const judged = suspects.map(({ group }) => ({
    target: group[0]?.target ?? '',
    ns: Math.min(...[1, 2, 3].map(() => nanoseconds(decideOne, group, 20))),
  }))
  return judged.reduce((a, b) => (b.ns > a.ns ? b : a))
}

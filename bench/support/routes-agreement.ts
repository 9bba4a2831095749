/** Asks trie and oracle the same questions, and as a control a matcher without backtracking; posts the counts. */
import { parentPort, workerData } from 'node:worker_threads'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { type LinearRoute, linearMatch } from '#routes/linear-matcher.ts'
import { buildTrie } from '#routes/trie.ts'
import { Random } from '../../test/properties/generators/random.ts'
import { questionAbout } from '../../test/properties/generators/targets.ts'
import { routeSet, type SetName } from './route-sets.ts'

export interface AgreementTask {
  readonly set: SetName
  readonly seed: number
  readonly questionSeed: number
  readonly targets: number
}

export interface Agreement {
  readonly set: SetName
  readonly asked: number
  readonly hits: number
  readonly unsafe: number
  readonly differences: readonly string[]
  readonly controlAsked: number
  /** Must not be 0: else the questions could not tell a wrong matcher from a right one. */
  readonly controlDifferences: number
}

const { set, seed, questionSeed, targets } = workerData as AgreementTask
const routes = withHosts(routeSet(set, seed))
const trie = buildTrie(routes)
const oracle = oracleByFirstSegment(routes)
const greedy = greedyMatcher(routes)
const random = new Random(questionSeed)
const wholeEvery = 500
const differences: string[] = []
let hits = 0
let unsafe = 0
let controlDifferences = 0

for (let asked = 0; asked < targets; asked++) {
  const { host, target, method } = questionAbout(routes, random)
  const { key, unsafe: classes } = canonicalTarget(target)
  const found = trie.match(host, key, method)
  const expected = oracle(host, key, method)
  if (asked % wholeEvery === 0 && linearMatch(routes, host, key, method) !== expected)
    differences.push(`oracle: ${key}`)
  if (found !== expected) differences.push(JSON.stringify({ host, target, key, method, found, expected }))
  if (expected >= 0) hits++
  if (classes !== 0) unsafe++
  if (greedy(host, key, method) !== expected) controlDifferences++
}
const answer: Agreement = { set, asked: targets, hits, unsafe, differences, controlAsked: targets, controlDifferences }
parentPort?.postMessage(answer)

/**
 * The oracle, asked about the routes that can match at all: a pattern that begins with a literal matches only keys that
 * begin with it. All 10,000 each time would take an hour; they are asked now and then, so that this is not only said.
 */
function oracleByFirstSegment(list: readonly LinearRoute[]): (host: string, key: string, method: string) => number {
  const able = new Map<string, number[]>()
  const anywhere: number[] = []
  for (const [place, { pattern }] of list.entries()) {
    const first = pattern.segments[0]
    if (first?.kind === 'literal') able.set(first.text, [...(able.get(first.text) ?? []), place])
    else anywhere.push(place)
  }
  const candidates = new Map(
    [...able].map(([text, places]) => [text, pick([...places, ...anywhere].sort((a, b) => a - b))]),
  )
  const others = pick(anywhere)
  return (host, key, method) => {
    const { routes: some, places } = candidates.get(key.split('/')[1] ?? '') ?? others
    return places[linearMatch(some, host, key, method)] ?? -1
  }

  function pick(places: readonly number[]) {
    return { places, routes: places.map((place) => list[place] as LinearRoute) }
  }
}

/** Part of the routes get a host, so that hosts compete as well. */
function withHosts(plain: readonly LinearRoute[]): LinearRoute[] {
  const hosts = ['api.example.com', '*.example.com', '*.b.example.com']
  return plain.map((route, at) => {
    const host = hosts[at % 10]
    return host === undefined ? route : { ...route, host }
  })
}

interface GreedyNode {
  readonly literals: Map<string, GreedyNode>
  parameter?: GreedyNode
  readonly tail: number[]
  readonly leaf: number[]
}

function emptyNode(): GreedyNode {
  return { literals: new Map(), tail: [], leaf: [] }
}

/** The control: at each step it takes the best branch and never turns back, as a simple router does. */
function greedyMatcher(list: readonly LinearRoute[]): (host: string, key: string, method: string) => number {
  const root: GreedyNode = emptyNode()
  for (const [index, { pattern }] of list.entries()) {
    let node = root
    for (const segment of pattern.segments) {
      if (segment.kind === 'tail') break
      if (segment.kind === 'literal') {
        const next = node.literals.get(segment.text) ?? emptyNode()
        node.literals.set(segment.text, next)
        node = next
      } else {
        node.parameter ??= emptyNode()
        node = node.parameter
      }
    }
    if (pattern.segments.at(-1)?.kind === 'tail') node.tail.push(index)
    else node.leaf.push(index)
  }
  return (host, key, method) => {
    let node = root
    for (const part of key.split('/').slice(1)) {
      const next = node.literals.get(part) ?? (part === '' ? undefined : node.parameter)
      if (next === undefined) return best(node.tail, host, method)
      node = next
    }
    return best(node.leaf.length > 0 ? node.leaf : node.tail, host, method)
  }

  function best(candidates: readonly number[], host: string, method: string): number {
    return candidates[linearMatch(candidates.map(hostAndMethod), host, '/', method)] ?? -1
  }

  function hostAndMethod(index: number): LinearRoute {
    return { ...(list[index] as LinearRoute), pattern: { text: '/', segments: [{ kind: 'literal', text: '' }] } }
  }
}

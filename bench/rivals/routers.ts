/** Our trie beside three routers, through one interface and on one input. */
import findMyWay, { type HTTPMethod } from 'find-my-way'
import { TrieRouter } from 'hono/router/trie-router'
import { Router } from 'itty-router'
import type { LinearRoute } from '#routes/linear-matcher.ts'
import { comparePatterns } from '#routes/pattern.ts'
import { buildTrie } from '#routes/trie.ts'
import { Random } from '../../test/properties/generators/random.ts'
import { routeSet, type SetName } from '../support/route-sets.ts'

interface RivalRouter {
  readonly name: string
  /** Look-ups of a round: fewer for those that try each route. */
  readonly lookups: number
  /** Position of the route, or -1. */
  find(path: string, method: string): number | Promise<number>
}

interface Contest {
  readonly routers: readonly RivalRouter[]
  readonly hits: readonly Lookup[]
  readonly misses: readonly Lookup[]
}

interface Lookup {
  readonly path: string
  readonly method: string
  readonly route: number
}

export interface RouterFigures {
  readonly name: string
  readonly lookups: number
  /** Nanoseconds. */
  readonly hit: number
  readonly miss: number
  /** Answers of the checked look-ups that name another route. */
  readonly wrong: number
}

/**
 * Where the first route registered wins, ours are registered in the order of our precedence. The others have no `{id}:cancel`: they are spared these patterns, and no look-up asks for one, while ours holds them
 * all. Theirs give the captured parameters with each hit; ours does so on request, which `trie with parameters` adds.
 */
export function routersOf(set: SetName, seed: number): Contest {
  const routes = routeSet(set, seed)
  const shared = routes
    .flatMap((route, index) => (route.pattern.text.includes('}:') ? [] : [{ route, index }]))
    .sort((a, b) => comparePatterns(a.route.pattern, b.route.pattern))
  const random = new Random(seed)
  const hits = Array.from({ length: 5_000 }, () => {
    const { route, index } = random.pick(shared)
    return { path: flat(pathOf(route, random)), method: route.methods?.[0] ?? 'GET', route: index }
  })
  const misses = Array.from({ length: 5_000 }, () => {
    const path = `/${random.word('abcdefghijklmnopqrstuvwxyz', 4, 12)}/v1/${random.word('abcdefgh', 3, 9)}/${random.below(1000)}`
    return { path: flat(path), method: 'GET', route: -1 }
  })
  return {
    routers: [trie(routes), trieWithParameters(routes), viaFindMyWay(shared), viaHono(shared), viaItty(shared)],
    hits,
    misses,
  }
}

/** The lowest of five interleaved rounds: noise only adds. */
export async function timed({ routers, hits, misses }: Contest): Promise<RouterFigures[]> {
  const figures = routers.map(({ name, lookups }) => ({ name, lookups, hit: Infinity, miss: Infinity, wrong: 0 }))
  for (let round = 0; round < 6; round++) {
    for (const [at, router] of routers.entries()) {
      const row = figures[at] as (typeof figures)[number]
      if (round === 0) row.wrong = (await countWrong(router, hits)) + (await countWrong(router, misses))
      row.hit = Math.min(row.hit, await timeOf(router, hits))
      row.miss = Math.min(row.miss, await timeOf(router, misses))
    }
  }
  return figures
}

async function countWrong(router: RivalRouter, lookups: readonly Lookup[]): Promise<number> {
  let wrong = 0
  for (const { path, method, route } of lookups.slice(0, router.lookups)) {
    if ((await router.find(path, method)) !== route) wrong++
  }
  return wrong
}

async function timeOf(router: RivalRouter, lookups: readonly Lookup[]): Promise<number> {
  const { lookups: count } = router
  let sum = 0
  const began = performance.now()
  for (let at = 0; at < count; at++) {
    const { path, method } = lookups[at % lookups.length] as Lookup
    const found = router.find(path, method)
    // Awaiting a plain number would time the microtask queue.
    sum += typeof found === 'number' ? found : await found
  }
  const nanoseconds = ((performance.now() - began) * 1e6) / count
  return Number.isNaN(sum) ? Number.NaN : nanoseconds
}

interface Shared {
  readonly route: LinearRoute
  readonly index: number
}

function trie(routes: readonly LinearRoute[]): RivalRouter {
  const built = buildTrie(routes)
  return { name: 'flat trie', lookups: 50_000, find: (path, method) => built.match('api.example.com', path, method) }
}

function trieWithParameters(routes: readonly LinearRoute[]): RivalRouter {
  const built = buildTrie(routes)
  return {
    name: 'trie with parameters',
    lookups: 50_000,
    find: (path, method) => {
      const route = built.match('api.example.com', path, method)
      if (route >= 0) built.parameters(route, path)
      return route
    },
  }
}

function viaFindMyWay(shared: readonly Shared[]): RivalRouter {
  const router = findMyWay({ caseSensitive: true })
  for (const { route, index } of shared) {
    const methods = (route.methods ?? ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) as HTTPMethod[]
    router.on(methods, colonPath(route, '*'), () => {}, index)
  }
  return {
    name: 'find-my-way',
    lookups: 50_000,
    find: (path, method) => router.find(method as HTTPMethod, path)?.store ?? -1,
  }
}

function viaHono(shared: readonly Shared[]): RivalRouter {
  const router = new TrieRouter<number>()
  for (const { route, index } of shared) {
    for (const method of route.methods ?? ['ALL']) router.add(method, colonPath(route, '*'), index)
  }
  // It gives every matching route in the order of registration and leaves the choice to the caller: the first counts.
  return { name: 'hono trie', lookups: 10_000, find: (path, method) => router.match(method, path)[0][0]?.[0] ?? -1 }
}

function viaItty(shared: readonly Shared[]): RivalRouter {
  const router = Router()
  for (const { route, index } of shared) {
    for (const method of route.methods ?? ['all']) router[method.toLowerCase()]?.(colonPath(route, '*'), () => index)
  }
  return {
    name: 'itty-router',
    lookups: 50,
    find: async (path, method) =>
      ((await router.fetch({ method, url: `http://a${path}` })) as number | undefined) ?? -1,
  }
}

function colonPath(route: LinearRoute, tail: string): string {
  return route.pattern.text.replace(/\{(\w+)\}/g, ':$1').replace(/\*\*$/, tail)
}

function pathOf({ pattern }: LinearRoute, random: Random): string {
  return pattern.segments
    .map((segment) => {
      if (segment.kind === 'literal') return `/${segment.text}`
      return segment.kind === 'tail' ? '/deep/down' : `/${random.below(100_000)}`
    })
    .join('')
}

/** One piece of memory, as a request's target is: joined strings would be flattened on somebody's time. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

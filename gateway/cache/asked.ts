import type { RouteFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { BodyStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import type { RouteRules } from './cache-rules.ts'
import type { Lead } from './flights.ts'
import type { Lookup } from './found.ts'
import { cacheKey } from './key.ts'
import type { CallerFacts, Entry } from './policy/entry.ts'
import { type RequestDirectives, readRequest } from './policy/request-directives.ts'
import type { SharedBody } from './shared-body.ts'
import { resourceHost } from './tag-names.ts'
import { tagsOf } from './tags.ts'
import type { LinesOf } from './variant-index.ts'

/** One request that the cache may answer, and what that rests on. */
export interface Asked {
  readonly x: Exchange
  readonly route: RouteFacts
  readonly rules: RouteRules
  readonly caller: CallerFacts
  readonly directives: RequestDirectives
  readonly lookup: Lookup
  /**
   * Its path is written otherwise than its key has it. Services get the bytes as they came, and some answer such a spelling with
   * "not found": so it may be answered from the store, but what is fetched for it is nobody else's.
   */
  readonly respelled: boolean
}

/** What one fetch gives to all that wait for it. */
export type Common =
  | {
      readonly kind: 'entry'
      readonly entry: Entry
      readonly body: Buffer | SharedBody
      readonly site: Site
      /** The service failed, and this is stale. */
      readonly standsIn: boolean
    }
  /** The service said to a client's own condition that nothing has changed: so it would to the same one. */
  | { readonly kind: 'not-modified'; readonly headers: HeaderPairs }

/** The same, with a body for one of them. */
export type OwnCommon =
  | (Omit<Extract<Common, { kind: 'entry' }>, 'body'> & { readonly body: Buffer | BodyStream })
  | Extract<Common, { kind: 'not-modified' }>

export type CacheLead = Lead<Asked, Common>

/** Whoever has it may direct the cache of routes that else obey nobody (Q1). */
export const directingScope = 'cache:control'

/** `too-many-tags`: they could not all be kept, so an answer could not be purged by some. */
export function askedOf(x: Exchange, route: RouteFacts, rules: RouteRules, linesOf: LinesOf): Asked | 'too-many-tags' {
  const { policy } = rules
  const tags = tagsOf(x, route, policy)
  if (tags === undefined) return 'too-many-tags'
  const known = x.caller !== undefined
  const caller = {
    authenticated: known || x.names.some((name) => rules.credentials.has(name)),
    ownKey: known && policy.per !== 'everyone',
    directs: rules.strict || x.caller?.scopes.includes(directingScope) === true,
  }
  const directives = readRequest(x, caller.directs)
  const lookup: Lookup = {
    key: cacheKey(x, route, policy),
    tags,
    host: resourceHost(x.table, x.host),
    linesOf,
    epoch: x.decision?.epoch ?? 0,
    // Who asks for the newest is not answered by what this process heard a moment ago.
    memory: rules.memory && !directives.validate && directives.maxAgeS > 1,
    ...(policy.warm === 'pull' ? { pull: true } : {}),
    ...(isGuest(x) ? { guest: true } : {}),
  }
  return { x, route, rules, caller, directives, lookup, respelled: isRespelled(x) }
}

/** An edge's copy, a tester's read, a failover: executed here and no evidence that this site's answers are good for everybody. */
function isGuest({ mark }: Exchange): boolean {
  if (mark === undefined || mark.flags.length === 0) return false
  return mark.flags.includes('shadow') || mark.flags.includes('force') || mark.flags.includes('failover')
}

/** Of what makes a key canonical, only decoding shortens it; the letter case of an escape's digits is nothing to any router. */
function isRespelled({ target, decision }: Exchange): boolean {
  const { key = '', query = '' } = decision?.target ?? {}
  return target.length !== key.length + query.length
}

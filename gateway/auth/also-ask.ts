import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Caller } from '#routes/messages.ts'
import type { Site } from '#routes/vocabulary.ts'
import { problems } from '../errors.ts'
import type { FindCaller } from './authenticate.ts'
import type { TokenStore } from './token-store.ts'

/** PORT: asks another site's own token store. Undefined = unknown there; a throw = it did not answer. */
export type AskSite = (site: Site, token: string) => Promise<Caller | undefined>

export interface AlsoAskOptions {
  readonly store: TokenStore
  readonly sites: readonly Site[]
  readonly ask: AskSite
}

/** Nobody is let in for longer than this on a question of before: a revocation there is seen here within 1 s. */
const knownMs = 800
/** From this age on an answer is asked for again behind the request that uses it: who comes often never waits. */
const freshMs = 300
/** A token that nobody knows is not asked for again so soon, so that guesses cost the other site little. */
const unknownMs = 5_000
const rememberedLimit = 10_000
/** Different tokens that are asked for at once. */
const askingLimit = 1_000

/**
 * A token unknown here is asked once of the other sites: someone who got one there before a move stays logged in here. A
 * site that does not answer makes it unknowable, never unknown.
 */
export function alsoAsk({ store, sites, ask }: AlsoAskOptions): FindCaller {
  if (sites.length === 0) return (token) => store.find(token)
  const known = new LRUCache<string, Caller>({ max: rememberedLimit, ttl: knownMs })
  const unknown = new LRUCache<string, true>({ max: rememberedLimit, ttl: unknownMs })
  const asking = new Map<string, Promise<Caller | undefined>>()

  const askAll = async (token: string, name: string): Promise<Caller | undefined> => {
    // What is true is true of the moment of the question, not of the answer.
    const start = performance.now()
    const answers = await Promise.allSettled(sites.map((site) => ask(site, token)))
    for (const answer of answers) {
      if (answer.status === 'fulfilled' && answer.value !== undefined) {
        known.set(name, answer.value, { start })
        return answer.value
      }
    }
    const away = answers.find((answer) => answer.status === 'rejected')
    if (away !== undefined) throw problems['auth-peer-away']({ cause: away.reason, retryAfterS: 1 })
    known.delete(name)
    unknown.set(name, true)
    return undefined
  }

  const askOnce = (token: string, name: string): Promise<Caller | undefined> => {
    const underWay = asking.get(name)
    if (underWay !== undefined) return underWay
    if (asking.size >= askingLimit) return Promise.reject(problems['auth-peer-away']({ retryAfterS: 1 }))
    const answer = askAll(token, name).finally(() => asking.delete(name))
    asking.set(name, answer)
    return answer
  }

  const askAhead = (token: string, name: string): void => {
    askOnce(token, name).catch(() => {
      // The answer of before counts until its time is over; who comes after that is told.
    })
  }

  return async (token) => {
    const here = await store.find(token)
    if (here !== undefined) return here
    const name = nameOf(token)
    const there = known.get(name)
    if (there !== undefined) {
      if (known.getRemainingTTL(name) < knownMs - freshMs) askAhead(token, name)
      return there
    }
    return unknown.has(name) ? undefined : askOnce(token, name)
  }
}

/** Remembered by digest: short whatever a stranger sends, and a dump of this memory lets nobody in. */
function nameOf(token: string): string {
  return hash('sha256', token, 'base64url')
}

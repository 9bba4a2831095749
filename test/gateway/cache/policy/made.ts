import type {
  CacheRequest,
  CacheResponse,
  CacheRules,
  CallerFacts,
  Entry,
  Freshness,
} from '../../../../gateway/cache/policy/entry.ts'
import { lowerNames } from '../../../../gateway/header-pairs.ts'

/** Entries, requests and answers for tests of serving: all of them came at `nowMs`, at once. */

export const date = 'Sun, 22 Nov 2026 10:00:00 GMT'
export const nowMs = Date.UTC(2026, 10, 22, 10)

export const times = { requestMs: nowMs, responseMs: nowMs }

export const later = (seconds: number): number => nowMs + seconds * 1000

export const request = (method: string, ...headers: string[]): CacheRequest => ({
  method,
  headers,
  names: lowerNames(headers),
})

export const get = (...headers: string[]): CacheRequest => request('GET', ...headers)

export const response = (status: number, ...headers: string[]): CacheResponse => ({ status, reason: 'OK', headers })

/** Fresh for 10 s, and no more is known of it. */
export const freshness = (facts: Partial<Freshness> = {}): Freshness => ({
  lifetimeS: 10,
  initialAgeS: 0,
  staleWhileRevalidateS: 0,
  staleIfErrorS: 0,
  validateAlways: false,
  neverStale: false,
  windowForbidden: false,
  ...facts,
})

export const entry = (headers: readonly string[] = [], facts: Partial<Entry> = {}): Entry => ({
  status: 200,
  reason: 'OK',
  headers: ['Date', date, ...headers],
  requestMs: nowMs,
  responseMs: nowMs,
  freshness: freshness(),
  vary: [],
  guarded: [],
  tags: [],
  ...facts,
})

/** One whose freshness alone matters. */
export const lasting = (facts: Partial<Freshness>, more: Partial<Entry> = {}): Entry =>
  entry([], { freshness: freshness(facts), ...more })

export const rules: CacheRules = {
  strict: false,
  ttlS: undefined,
  override: false,
  staleWhileRevalidateS: undefined,
  staleIfErrorS: undefined,
  negative: new Map(),
  targeted: [],
  dropSetCookie: false,
  ignoreCookies: false,
  keyedCookies: [],
}

export const anybody: CallerFacts = { authenticated: false, ownKey: false, directs: true }

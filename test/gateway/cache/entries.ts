import type { Entry, Freshness } from '../../../gateway/cache/policy/entry.ts'

/** A plain answer, fetched at `atMs` and fresh for a minute. */
export function entryOf(facts: Partial<Entry> = {}, freshness: Partial<Freshness> = {}, atMs = Date.UTC(2026, 0, 1)) {
  const entry: Entry = {
    status: 200,
    reason: 'OK',
    headers: ['Content-Type', 'text/plain', 'Date', new Date(atMs).toUTCString()],
    requestMs: atMs,
    responseMs: atMs,
    freshness: {
      lifetimeS: 60,
      initialAgeS: 0,
      staleWhileRevalidateS: 0,
      staleIfErrorS: 0,
      validateAlways: false,
      neverStale: false,
      windowForbidden: false,
      ...freshness,
    },
    vary: [],
    guarded: [],
    tags: [],
    ...facts,
  }
  return entry
}

import { firstValue } from '../../header-pairs.ts'
import type { CacheResponse, Entry } from './entry.ts'

/**
 * What the 200 to a HEAD says of a stored answer to GET: `same` freshens it, `changed` makes it stale at once (HD1). Only fields
 * that the answer has are compared. RFC 9111 section 4.3.5.
 */
export function headSays(entry: Entry, response: CacheResponse): 'same' | 'changed' {
  const differs = (name: string): boolean => {
    const said = firstValue(response.headers, name)
    return said !== undefined && said !== firstValue(entry.headers, name)
  }
  return differs('etag') || differs('last-modified') || lengthDiffers(entry, response) ? 'changed' : 'same'
}

function lengthDiffers(entry: Entry, response: CacheResponse): boolean {
  const said = firstValue(response.headers, 'content-length')
  const { part } = entry
  const stored = part === undefined ? firstValue(entry.headers, 'content-length') : String(part.total)
  // An answer in chunks was stored without a length, and has nothing to differ by.
  return said !== undefined && stored !== undefined && Number(said) !== Number(stored)
}

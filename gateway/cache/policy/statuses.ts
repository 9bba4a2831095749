/** May be stored without a word of the service. RFC 9110 section 15.1, without 206, which is stored by its own rules. */
const heuristicallyCacheable: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])

export function isHeuristicallyCacheable(status: number): boolean {
  return heuristicallyCacheable.has(status)
}

/** A route's `ttl` is meant for answers that are one: how long failures are kept, `negative` says alone (E1). */
export function takesRouteTtl(status: number): boolean {
  return status >= 200 && status < 400 && status !== 206
}

/**
 * Never an answer to another request than its own: 304 and 412 answer a condition, 416 a range, 417 an Expect, 428 the lack
 * of a condition; 429, 431 and 511 are about the client. RFC 6585 forbids 428, 429, 431 and 511.
 */
const neverStored: ReadonlySet<number> = new Set([304, 412, 416, 417, 428, 429, 431, 511])

export function isNeverStored(status: number): boolean {
  // Informational, or no status at all: RFC 9110 section 15.
  return status < 200 || status > 599 || neverStored.has(status)
}

/** Final statuses whose caching RFC 9110 describes; 206 and 304 are more than that, and left out. */
const understood: ReadonlySet<number> = new Set([
  ...[200, 201, 202, 203, 204, 205],
  ...[300, 301, 302, 303, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426],
  ...[500, 501, 502, 503, 504, 505],
])

/** What `must-understand` asks. RFC 9111 section 5.2.2.3. */
export function isUnderstood(status: number): boolean {
  return understood.has(status)
}

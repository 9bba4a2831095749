/** What a route's `cors.origins` say, ready to be asked. */
export interface AllowedOrigins {
  readonly any: boolean
  /** Whether a page of this origin may read the answers. */
  allows(origin: string): boolean
}

/**
 * Exact origins, `https://*.example.com` for every name below it, or `*`. `null` is what sandboxed pages, files and
 * redirects of anybody send: it is nobody's origin and never allowed.
 */
export function allowedOrigins(origins: readonly string[]): AllowedOrigins {
  const any = origins.includes('*')
  const exact = new Set<string>()
  const below: { start: string; end: string }[] = []
  for (const origin of origins) {
    const star = origin.indexOf('*')
    const lower = origin.toLowerCase()
    if (star < 0) exact.add(lower)
    else if (origin !== '*') below.push({ start: lower.slice(0, star), end: lower.slice(star + 1) })
  }
  return {
    any,
    allows: (origin) =>
      origin !== 'null' && (any || exact.has(origin) || below.some(({ start, end }) => isBelow(origin, start, end))),
  }
}

/** Between scheme and zone stand labels and nothing else: no port, no path, no user of another host. */
function isBelow(origin: string, start: string, end: string): boolean {
  return (
    origin.length > start.length + end.length &&
    origin.startsWith(start) &&
    origin.endsWith(end) &&
    labels.test(origin.slice(start.length, origin.length - end.length))
  )
}

const labels = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/

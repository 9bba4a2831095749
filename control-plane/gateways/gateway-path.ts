/** What a gateway offers to operators, by the first word of its path: all else on its internal listener is for programs. */
const offered: ReadonlySet<string> = new Set([
  'status',
  'routes',
  'upstreams',
  'recorder',
  'retries',
  'hops',
  'explain',
  'extensions',
  'drain',
  'cache',
  'events',
  'reload',
])

/**
 * Whether a raw path behind `/api/v1/sites/{site}/gateway` may be passed on. Only plain segments are: what is signed, what
 * the proxy sends and what the gateway reads is then one text, whoever normalises it on the way.
 */
export function isOffered(raw: string): boolean {
  const [path = ''] = raw.split('?', 1)
  if (!/^(?:\/[A-Za-z0-9_~:-][A-Za-z0-9._~:@-]*)+$/.test(path)) return false
  return offered.has(path.split('/')[1] ?? '')
}

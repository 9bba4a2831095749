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
  'events',
  'reload',
])

const ofCache: ReadonlySet<string> = new Set(['zones', 'debt', 'item', 'warmth', 'abandon'])

/**
 * Whether a raw path behind `/api/v1/sites/{site}/gateway` may be passed on. Only plain segments are: what is signed, what
 * the proxy sends and what the gateway reads is then one text, whoever normalises it on the way.
 */
export function isOffered(raw: string): boolean {
  const [path = ''] = raw.split('?', 1)
  if (!/^(?:\/[A-Za-z0-9_~:-][A-Za-z0-9._~:@-]*)+$/.test(path)) return false
  const [, first = '', second = ''] = path.split('/')
  // Beside what operators ask of a cache stands what peer gateways ask.
  return first === 'cache' ? ofCache.has(second) : offered.has(first)
}

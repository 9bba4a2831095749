import { hash } from 'node:crypto'
import type { CachePolicy, RoutePolicy } from '#routes/policy.ts'
import type { RouteFacts, ServiceFacts, Structure } from '#routes/structure.ts'
import { policy, route, service, structure } from '../../../test/support/tables.ts'
import type { Profile, RouteName } from './case.ts'

/** Who may come, in both profiles: the token is `token-of-NAME`. */
export const callers = [
  { name: 'anna', consumer: 'anna', scopes: [] },
  { name: 'anna-phone', consumer: 'anna', scopes: [] },
  { name: 'ben', consumer: 'ben', scopes: [] },
  { name: 'director', consumer: 'director', scopes: ['cache:control'] },
].map(({ name, ...caller }) => ({ sha256: hash('sha256', `token-of-${name}`, 'hex'), ...caller }))

type Block = Partial<Omit<CachePolicy, 'profile'>>

const auth = { auth: { scopes: [] } }
const minuteMs = 60_000

const blocks: Readonly<Record<Exclude<RouteName, 'none'>, { cache: Block; more?: Partial<RoutePolicy> }>> = {
  plain: { cache: {} },
  ttl: { cache: { ttlMs: minuteMs } },
  override: { cache: { ttlMs: minuteMs, override: true } },
  windows: { cache: { staleWhileRevalidateMs: minuteMs, staleIfErrorMs: minuteMs } },
  negative: { cache: { negative: { statuses: { '404': 4_000, '405': 4_000, '5xx': 4_000 } } } },
  'key-only': { cache: { key: { query: { only: ['a', 'b c'] } } } },
  'key-except': { cache: { key: { query: { except: ['utm'] } } } },
  'key-none': { cache: { key: { query: 'none' } } },
  'key-sort': { cache: { key: { sort: true } } },
  'key-fields': { cache: { key: { headers: ['x-one', 'x-two'], cookies: ['lang'] }, ignoreCookies: true } },
  'ignore-cookies': { cache: { ignoreCookies: true } },
  'drop-set-cookie': { cache: { dropSetCookie: true } },
  consumer: { cache: { per: 'consumer', ttlMs: minuteMs }, more: auth },
  'consumer-silent': { cache: { per: 'consumer' }, more: auth },
  nobody: { cache: { per: 'consumer' } },
  token: { cache: { per: 'token', ttlMs: minuteMs }, more: auth },
  shared: { cache: {}, more: auth },
  tagged: { cache: { tags: ['page:{query.page}'], prefixDepth: 4 } },
  'forward-tags': { cache: { forwardTags: true } },
  targeted: { cache: { targeted: ['fancy-cache-control'] } },
  small: { cache: { maxBodyBytes: 1_000 } },
  hints: { cache: {}, more: { earlyHints: true } },
  transforms: {
    cache: {},
    more: {
      compress: { codings: ['gzip'], types: ['text/plain'], minBytes: 100 },
      cors: { origins: ['https://one.example.com', 'https://two.example.com'] },
    },
  },
  // Where most answers cannot be stored nobody waits for another's (W3): so these have a route for themselves.
  together: { cache: {} },
  dead: { cache: { negative: { statuses: {}, connectMs: 4_000 } } },
}

/** Every cache block under both profiles: `/strict/plain/**`, `/api/plain/**` and so on. */
export function cacheStructure(originPort: number, deadPort: number): Structure {
  const routes = (['strict', 'api'] as const).flatMap((profile) => [
    ...Object.entries(blocks).map(([name, { cache, more }]) => one(profile, name, cachePolicy(profile, cache), more)),
    one(profile, 'none', undefined),
  ])
  const host = { aliases: [], unsafeTargets: 'reject' } as const
  const hosts = [
    { ...host, name: 'api.example.com' },
    { ...host, name: 'other.example.com' },
    { ...host, name: 'legacy.example.com', unsafeTargets: 'observe' as const },
  ]
  return structure(routes, { services: [reached('orders', originPort), reached('dead', deadPort)], hosts })
}

function one(
  profile: Profile,
  name: string,
  cache: CachePolicy | undefined,
  more: Partial<RoutePolicy> = {},
): RouteFacts {
  // A second try would be one more request than a case counts.
  const whole: RoutePolicy = { ...policy, retry: { never: true }, ...more, ...(cache === undefined ? {} : { cache }) }
  return route(`/${profile}/${name}/**`, { policy: whole, service: name === 'dead' ? 'dead' : 'orders' })
}

function cachePolicy(profile: Profile, block: Block): CachePolicy {
  return { profile, per: 'everyone', key: {}, tags: [], ...block }
}

function reached(id: string, port: number): ServiceFacts {
  // Of the first tier: an overload of this machine is no reason to refuse a case.
  return service(id, { tier: 1, deployments: [{ site: 'onprem', url: `http://127.0.0.1:${port}` }] })
}

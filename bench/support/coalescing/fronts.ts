import type { CachePolicy } from '#routes/policy.ts'
import { openBed } from '../../../test/gateway/bed.ts'
import { startMemcached, startNginx, startVarnish } from '../../../test/support/servers.ts'
import { placementSet, policy, route, service, structure } from '../../../test/support/tables.ts'
import { answerKinds } from './slow-origin.ts'

/** What stands between the clients and the origin. */
export interface Front {
  readonly name: string
  start(originPort: number): Promise<AsyncDisposable & { readonly port: number }>
}

/** A gateway process before a real Memcached. `routes`: how many routes of each kind; each begins without a past. */
export function tidegate(routes: number): Front {
  return {
    name: 'Tidegate',
    start: async (originPort) => {
      await using stack = new AsyncDisposableStack()
      const bed = stack.use(await openBed())
      const memcached = stack.use(await startMemcached())
      const deployments = [{ site: 'onprem', url: `http://127.0.0.1:${originPort}` }]
      // Tier 1 is never shed: on a busy machine that would be another story.
      const shape = structure(cachedRoutes(routes), { services: [service('orders', { deployments, tier: 1 })] })
      const table = await bed.writeTable('table', shape, placementSet([]))
      const gateway = await bed.start('onprem', {
        table: { file: table },
        log: { level: 'warn', access: false },
        limits: { connectionsPerAddress: 10_000 },
        cache: { zones: [{ name: 'near', driver: 'memcached', nodes: [memcached.address] }] },
      })
      const all = stack.move()
      return { port: gateway.port, [Symbol.asyncDispose]: () => all.disposeAsync() }
    },
  }
}

function cachedRoutes(count: number) {
  const cache: CachePolicy = { profile: 'api', per: 'everyone', key: {}, tags: [] }
  return Object.keys(answerKinds).flatMap((kind) =>
    Array.from({ length: count }, (_, at) => route(`/${kind}${at}/**`, { policy: { ...policy, cache } })),
  )
}

/** With all that its documentation offers against a stampede. */
export const nginxWithLock: Front = {
  name: 'nginx, lock and background update',
  start: (originPort) =>
    nginx(
      originPort,
      'proxy_cache_lock on; proxy_cache_use_stale updating; proxy_cache_background_update on; proxy_cache_revalidate on;',
    ),
}

/** A cache, and nothing else said. */
export const nginxPlain: Front = { name: 'nginx, default', start: (originPort) => nginx(originPort, '') }

function nginx(originPort: number, more: string) {
  return startNginx(
    (port, folder) => `
      proxy_cache_path ${folder}/cache keys_zone=all:10m;
      upstream service { server 127.0.0.1:${originPort} max_fails=0; keepalive 128; }
      server {
        listen 127.0.0.1:${port} backlog=1024; keepalive_timeout 600s; keepalive_requests 100000;
        location / {
          proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
          proxy_cache all; ${more}
        }
      }`,
  )
}

const backend = (port: number) => `backend default { .host = "127.0.0.1"; .port = "${port}"; }\n`

/** Its clients are idle for longer than it lets a connection be. */
const patient = ['-p', 'timeout_idle=600']

export const varnishPlain: Front = {
  name: 'Varnish, default',
  start: (originPort) => startVarnish(backend(originPort), patient),
}

/** Stale only where the origin allows it, and validated otherwise: what its users write for this. */
export const varnishStrict: Front = {
  name: 'Varnish, grace as the origin says',
  start: (originPort) =>
    startVarnish(
      `${backend(originPort)}
sub vcl_backend_response {
  if (beresp.http.Cache-Control !~ "stale-while-revalidate") { set beresp.grace = 0s; }
  set beresp.keep = 60s;
}
`,
      patient,
    ),
}

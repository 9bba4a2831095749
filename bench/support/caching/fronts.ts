import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { openBed } from '../../../test/gateway/bed.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { listens, startProcess } from '../../../test/support/process-runner.ts'
import { startMemcached, startNginx } from '../../../test/support/servers.ts'
import { placementSet } from '../../../test/support/tables.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { cacheStructure, callers } from './cache-routes.ts'
import type { Front } from './run-cases.ts'

export type StartFront = (originPort: number) => Promise<Front>

const monolith = 'token-of-monolith'

/** Ours, as a process before a real Memcached. */
export const gateway: StartFront = async (originPort) => {
  await using stack = new AsyncDisposableStack()
  const bed = stack.use(await openBed())
  const memcached = stack.use(await startMemcached())
  const table = await bed.writeTable('table', cacheStructure(originPort, await freePort()), placementSet([]))
  await writeFile(bed.folder.file('tokens.json'), JSON.stringify(callers))
  const running = await bed.start('onprem', {
    table: { file: table },
    tokens: { driver: 'memory', file: 'tokens.json' },
    // The origin fails on purpose, and every case must reach it.
    upstreams: { ejection: false, breaker: false, retryBudget: false },
    limits: { connectionsPerAddress: 10_000 },
    log: { level: 'warn', access: false },
    cache: {
      zones: [{ name: 'near', driver: 'memcached', nodes: [memcached.address] }],
      readDeadline: '10s',
      clients: [
        {
          name: 'ops',
          sha256: hash('sha256', monolith, 'hex'),
          namespaces: ['http-orders'],
          verbs: ['read', 'write', 'delete'],
        },
      ],
    },
  })
  const all = stack.move()
  return {
    port: running.port,
    purge: async (words) => {
      const answer = await fetch(`${running.internal}/cache/v1/http-orders:invalidate`, {
        method: 'POST',
        headers: { authorization: `Bearer ${monolith}`, 'content-type': 'application/json' },
        body: JSON.stringify(words),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`the purge was answered ${answer.status} ${text.slice(0, 200)}`)
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** nginx as its documentation sets up a cache, with what it can revalidate and refresh. */
export const nginx: StartFront = (originPort) =>
  startNginx(
    (port, folder) => `
      proxy_cache_path ${folder}/cache keys_zone=all:10m;
      upstream service { server 127.0.0.1:${originPort} max_fails=0; keepalive 32; }
      server {
        listen 127.0.0.1:${port}; server_name _;
        location / {
          proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
          proxy_cache all; proxy_cache_revalidate on; proxy_cache_background_update on;
          proxy_next_upstream off; proxy_cache_key $host$request_uri;
        }
      }`,
  )

/** Varnish as it is installed: its built-in rules alone. */
export const varnish: StartFront = async (originPort) => {
  const folder = await temporaryFolder()
  const port = await freePort()
  const file = folder.file('default.vcl')
  await writeFile(file, `vcl 4.1;\nbackend default { .host = "127.0.0.1"; .port = "${originPort}"; }\n`)
  const args = ['-F', '-n', folder.path, '-f', file, '-a', `127.0.0.1:${port}`, '-s', 'malloc,64m', '-j', 'none']
  const running = await startProcess({ command: 'varnishd', args, ready: () => listens(port) })
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { AdminListener, type Readiness } from '../../../edge-worker/host/admin-listener.ts'

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex')
const tokens = [
  { name: 'probe', sha256: sha256('probe-token'), scopes: ['status'] as const },
  { name: 'prometheus', sha256: sha256('metrics-token'), scopes: ['metrics'] as const },
]
let readiness: Readiness
let admin: AdminListener

function listener(port = 0): AdminListener {
  const metrics = createMetrics()
  metrics.counter('tidegate_edge_test_total', 'Counted.').inc({})
  const listen = { host: '127.0.0.1', port }
  return new AdminListener({ listen, tokens: () => tokens, readiness: () => readiness, metrics, log: silentLog })
}

beforeEach(async () => {
  readiness = { ready: true, state: 'ready', children: 2, table: true }
  admin = listener()
  await admin.start()
})
afterEach(() => admin.stop())

const ask = (path: string, token?: string) =>
  fetch(`http://${admin.address}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })

describe('the admin listener of an edge', () => {
  it('says to anybody that it lives, and no more', async () => {
    expect(await (await ask('/health/live')).json()).toEqual({ live: true })
    for (const path of ['/health/ready', '/metrics', '/'])
      for (const token of [undefined, '', 'wrong']) expect((await ask(path, token)).status).toBeGreaterThanOrEqual(401)
  })

  it('says with a token whether the edge is ready, and what it lacks', async () => {
    expect((await ask('/health/ready', 'probe-token')).status).toBe(200)

    readiness = { ready: false, state: 'draining', children: 0, table: false }
    const answer = await ask('/health/ready', 'probe-token')

    expect([answer.status, await answer.json()]).toEqual([503, readiness])
  })

  it('gives metrics to who may have them', async () => {
    const answer = await ask('/metrics', 'metrics-token')

    expect(answer.headers.get('content-type')).toMatch(/^text\/plain/)
    expect(await answer.text()).toContain('tidegate_edge_test_total 1')
    expect(await (await ask('/metrics', 'probe-token')).json()).toMatchObject({ code: 'edge-admin-scope-missing' })
    expect(await (await ask('/health/ready', 'nobody')).json()).toMatchObject({
      code: 'edge-admin-refused',
      status: 401,
    })
  })

  it('says which address is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }

    await expect(listener(port).start()).rejects.toThrow(`Nothing can listen on 127.0.0.1:${port}: EADDRINUSE`)
    other.close()
  })
})

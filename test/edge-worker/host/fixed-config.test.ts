import { expect, it } from 'vitest'
import type { EdgeConfig } from '../../../edge-worker/host/config.ts'
import { changedFixedKeys } from '../../../edge-worker/host/fixed-config.ts'

const config: EdgeConfig = {
  file: 'edge.yaml',
  files: [],
  name: 'edge-1',
  listen: { host: '127.0.0.1', port: 17080 },
  workers: 2,
  memoryCeilingBytes: 512_000_000,
  home: '/state',
  controlPlaneUrl: 'http://127.0.0.1:17000',
  tableKeys: { keys: [] },
  gatewayRing: { purpose: 'edge-gateway', keys: [] },
  controlRing: { purpose: 'edge-control', keys: [] },
  sites: {},
  trustedClientIpHeader: undefined,
  trustedCountryHeader: undefined,
  admin: { listen: { host: '127.0.0.1', port: 17081 }, tokens: [] },
  drainMs: 30_000,
  logLevel: 'info',
}

it('a running edge takes all but its sockets, its folder, its number of processes and their drain, and its log', () => {
  const token = { name: 'probe', sha256: 'a'.repeat(64), scopes: ['status'] as const }
  const free = {
    name: 'edge-2',
    memoryCeilingBytes: 1,
    controlPlaneUrl: 'http://127.0.0.1:1',
    sites: { onprem: { url: 'http://127.0.0.1:2' } },
    trustedClientIpHeader: 'X-Forwarded-For',
    trustedCountryHeader: 'X-Country',
    admin: { listen: { host: '127.0.0.1', port: 17081 }, tokens: [token] },
  }
  expect(changedFixedKeys(config, { ...config, ...free })).toEqual([])

  const fixed = {
    listen: { host: '::1', port: 1 },
    workers: 3,
    home: '/other',
    admin: undefined,
    drainMs: 1,
    logLevel: 'warn' as const,
  }
  expect(changedFixedKeys(config, { ...config, ...fixed })).toEqual([
    'listen',
    'workers',
    'home',
    'admin',
    'drain',
    'log.level',
  ])
})

import { beforeAll, describe, expect, it } from 'vitest'
import { type Env, readBindings } from '../../edge-worker/bindings.ts'
import { makeSealer, type Sealer } from '../support/tables.ts'

let sealer: Sealer
beforeAll(async () => {
  sealer = await makeSealer()
})

const ring = (purpose: string) => ({ purpose, keys: [{ id: 'k1', secret: 'A'.repeat(43) }] })

function env(changes: Record<string, unknown> = {}): Env {
  const whole = {
    PLATFORM: 'self-hosted',
    EDGE_NAME: 'edge-1',
    SITES: { onprem: 'http://127.0.0.1:1', cloud: 'http://127.0.0.1:2' },
    TABLE_KEYS: { keys: [sealer.files] },
    GATEWAY_RING: JSON.stringify(ring('edge-gateway')),
    CONTROL_RING: ring('edge-control'),
    ...changes,
  }
  return whole as unknown as Env
}

describe('the bindings of the worker', () => {
  it('are read once, as text or parsed', async () => {
    expect(
      await readBindings(env({ TRUSTED_CLIENT_IP_HEADER: 'X-Real-IP', TRUSTED_COUNTRY_HEADER: 'X-Country' })),
    ).toMatchObject({
      name: 'edge-1',
      version: '0',
      facts: { platform: 'self-hosted', trustedClientIpHeader: 'x-real-ip', trustedCountryHeader: 'x-country' },
      origin: { sites: ['onprem', 'cloud'] },
    })
  })

  it('name service bindings, whose order is the order of sites', async () => {
    const fetching = { fetch: async () => new Response() }
    const bound = env({ SITES: '{"cloud":"binding:B","onprem":"binding:A"}', A: fetching, B: fetching })

    expect(await readBindings(bound)).toMatchObject({ origin: { sites: ['cloud', 'onprem'] } })
  })

  it('name other hosts of the zone on Cloudflare, where alone that means anything', async () => {
    const SITES = { onprem: 'resolve:onprem-origin.example.com', cloud: 'https://cloud.example.net' }
    expect(await readBindings(env({ PLATFORM: 'cloudflare', SITES }))).toMatchObject({
      origin: { sites: ['onprem', 'cloud'] },
    })
    expect(await readBindings(env({ SITES }))).toBe('SITES')
  })

  it.each([
    ['EDGE_NAME', ''],
    ['SITES', {}],
    ['SITES', undefined],
    ['SITES', '{'],
    ['SITES', { onprem: 'binding:NONE' }],
    ['SITES', { onprem: 'ftp://x' }],
    ['TABLE_KEYS', { keys: [{ id: 't', publicKey: 'short' }] }],
    ['TABLE_KEYS', 'null'],
    ['GATEWAY_RING', ring('gateway-gateway')],
    ['CONTROL_RING', { purpose: 'edge-control', keys: [] }],
    ['CONTROL_RING', undefined],
  ])('name %s when it is %j', async (binding, value) => {
    expect(await readBindings(env({ [binding]: value }))).toBe(binding)
  })

  it('believe Cloudflare’s headers only where it is said to be Cloudflare', async () => {
    expect(await readBindings(env({ PLATFORM: 'Cloudflare' }))).toMatchObject({ facts: { platform: 'self-hosted' } })
  })
})

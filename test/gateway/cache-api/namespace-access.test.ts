import { describe, expect, it } from 'vitest'
import { type CacheClient, mayUse } from '../../../gateway/cache-api/namespace-access.ts'

const client: CacheClient = { client: 'monolith', namespaces: ['shop', 'session-*'], verbs: ['read', 'write'] }

describe('access to namespaces', () => {
  it('is by the exact name or by its beginning, and by verb', () => {
    expect(mayUse(client, 'read', 'shop')).toBe(true)
    expect(mayUse(client, 'write', 'session-eu')).toBe(true)
    expect(mayUse(client, 'delete', 'shop')).toBe(false)
    for (const namespace of ['shop2', 'sho', 'session', 'other']) expect(mayUse(client, 'read', namespace)).toBe(false)
    expect(mayUse({ ...client, namespaces: ['*'] }, 'read', 'anything')).toBe(true)
    expect(mayUse({ ...client, namespaces: [] }, 'read', 'shop')).toBe(false)
  })

  it('never reaches the stored answers of services, by no pattern', () => {
    for (const namespaces of [['*'], ['resp-*', 'r*'], ['responses']])
      for (const verb of ['read', 'write', 'delete'] as const)
        expect(mayUse({ client: 'monolith', namespaces, verbs: [verb] }, verb, 'responses')).toBe(false)
  })
})

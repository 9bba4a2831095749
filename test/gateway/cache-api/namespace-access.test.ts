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
})

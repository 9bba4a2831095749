import { describe, expect, it } from 'vitest'
import { frontCaches } from '../../../edge-worker/host/front-caches.ts'

describe('a deployment of the edge', () => {
  it('Cache L1: is refused with a cache in front of the worker, in whatever environment it stands', () => {
    expect(frontCaches({ cache: { enabled: true } }, [])).toEqual([
      'cache.enabled in wrangler.jsonc puts a cache in front of the worker; take it out',
    ])
    expect(frontCaches({ env: { production: { cache: { enabled: true, cross_version_cache: false } } } }, [])).toEqual([
      'env.production.cache.enabled in wrangler.jsonc puts a cache in front of the worker; take it out',
    ])
  })

  it('Cache L1: is refused with a configuration that nobody looked at', () => {
    expect(frontCaches({}, ['--config', 'other.jsonc'])).toHaveLength(1)
    expect(frontCaches({}, ['--config=other.jsonc'])).toHaveLength(1)
    expect(frontCaches({}, ['-c', 'other.jsonc'])).toHaveLength(1)
  })

  it('goes on where no cache is asked for', () => {
    expect(frontCaches({ name: 'edge', cache: { enabled: false }, env: { production: {} } }, ['--dry-run'])).toEqual([])
  })
})

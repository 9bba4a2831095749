import { describe, expect, it } from 'vitest'
import { changedKeys, type FixedYaml, unchangeable } from '../../../gateway/reload/fixed-config.ts'

describe('what a running process cannot change', () => {
  it('is named by its key, as the file has it', () => {
    const before = { site: 'onprem', listen: { public: 'a:1', internal: 'a:2' }, cache: { zones: [{ name: 'near' }] } }

    expect(changedKeys(before, structuredClone(before))).toEqual([])
    expect(changedKeys(before, { ...before, site: 'cloud', listen: { public: 'a:1', internal: 'a:3' } })).toEqual([
      'site',
      'listen.internal',
    ])
    expect(changedKeys(before, { ...before, cache: { zones: [] } })).toEqual(['cache.zones'])
    expect(changedKeys(before, { ...before, instance: 'one' })).toEqual(['instance'])
  })

  it('is not the nodes of a zone, but all else of it', () => {
    const withZone = (zone: object) => unchangeable({ cache: { zones: [zone] } } as unknown as FixedYaml)
    const before = withZone({ name: 'near', ring: 'ketama', nodes: ['a:1'] })

    expect(changedKeys(before, withZone({ name: 'near', ring: 'ketama', nodes: ['a:1', 'b:1'] }))).toEqual([])
    expect(changedKeys(before, withZone({ name: 'near', ring: 'rendezvous', nodes: ['a:1'] }))).toEqual(['cache.zones'])
  })
})

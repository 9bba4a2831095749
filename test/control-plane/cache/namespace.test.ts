import fc from 'fast-check'
import { expect, it } from 'vitest'
import { answersOf } from '../../../control-plane/cache/namespace.ts'
import { cacheNamespace } from '../../../gateway/cache/key.ts'

it('the control plane purges where the gateways keep the answers of a service, however long its name is', () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
  fc.assert(
    fc.property(name, (service) => {
      expect(answersOf(service)).toBe(cacheNamespace(service))
    }),
    { numRuns: 500 },
  )
})

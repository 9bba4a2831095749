import { describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import { compiledOnce } from '../../../gateway/transform/compiled-once.ts'

describe('what is made of a policy', () => {
  it('is made once', () => {
    let made = 0
    const of = compiledOnce('test', silentLog, (_: object) => ++made)
    const policy = {}

    expect([of(policy), of(policy), of({})]).toEqual([1, 1, 2])
  })

  it('is tried once too where it fails, and refuses every request', () => {
    let tried = 0
    const of = compiledOnce('test', silentLog, (_: object) => {
      tried++
      throw new Error('no schema')
    })
    const policy = {}

    for (let at = 0; at < 2; at++) {
      expect(() => of(policy)).toThrow(expect.objectContaining({ code: 'policy-unusable', status: 500 }))
    }
    expect(tried).toBe(1)
  })
})

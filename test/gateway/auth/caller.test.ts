import { describe, expect, it } from 'vitest'
import { callerOf } from '../../../gateway/auth/caller.ts'

describe('what a store or a peer says of a credential', () => {
  it.each([[null], ['x'], [7], [[]]])('may have claims of no use, and is a caller without any: %j', (claims) => {
    expect(callerOf({ consumer: 'shop', scopes: ['read'], claims }, 0)).toMatchObject({
      consumer: 'shop',
      scopes: ['read'],
    })
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CredentialForm, keyOf, nameOf, readCaller } from '../../../gateway/auth/credential-form.ts'

const fields = { consumer: 'consumer', scopes: 'scopes', expiresAt: 'expiresAt', unit: 'ms' } as const
const json: CredentialForm = { kind: 'token', key: 'token:{token}', hash: 'sha256', form: 'json', fields, scopes: [] }

describe('the key of a credential', () => {
  it('holds its hash, or itself to the letter', () => {
    expect(keyOf(json, 'abc')).toBe('token:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(keyOf({ ...json, hash: 'none', key: 'a:{key}:b' }, "$&$1$`$'{token}")).toBe("a:$&$1$`$'{token}:b")
  })

  it('is never in a memory in plain', () => {
    const plain: CredentialForm = { ...json, hash: 'none' }

    expect(nameOf(plain, keyOf(plain, 'very-secret'))).not.toContain('very-secret')
    expect(nameOf(json, keyOf(json, 'very-secret'))).not.toContain('very-secret')
  })
})

describe('what a store holds', () => {
  it('is read by the names that the configuration gives', () => {
    const named: CredentialForm = {
      ...json,
      fields: { consumer: 'client_id', scopes: 'scope', expiresAt: 'exp', unit: 's' },
      scopes: ['base'],
    }

    expect(readCaller(named, '{"client_id":"shop","scope":"a b,c","exp":10}', 9_999)).toEqual({
      consumer: 'shop',
      scopes: ['a', 'b', 'c'],
      by: 'token',
      expiresAt: 10_000,
    })
    expect(readCaller(named, '{"client_id":"shop","exp":10}', 10_000)).toBeUndefined()
    expect(readCaller(named, '{"client_id":"shop"}', 0)).toEqual({ consumer: 'shop', scopes: ['base'], by: 'token' })
    expect(readCaller(named, '{"consumer":"shop"}', 0)).toBeUndefined()
  })

  it('may be a hash or a string', () => {
    expect(readCaller({ ...json, form: 'hash' }, ['shop', 'a b', '12'], 11)).toMatchObject({ scopes: ['a', 'b'] })
    expect(readCaller({ ...json, form: 'hash' }, ['shop', 'a b', '12'], 12)).toBeUndefined()
    expect(readCaller({ ...json, form: 'hash' }, [null, null, null], 0)).toBeUndefined()
    expect(readCaller({ ...json, form: 'string', scopes: ['x'] }, 'shop', 0)).toMatchObject({ scopes: ['x'] })
  })

  it('is nobody when it is anything else, whatever it is', () => {
    for (const text of ['', 'null', '[]', '7', '{', '{"consumer":""}', '{"consumer":"a b"}', '{"consumer":"a\\r\\nb"}'])
      expect(readCaller(json, text, 0), text).toBeUndefined()
    for (const more of ['"scopes":7', '"scopes":[7]', '"scopes":{}', '"expiresAt":"soon"', '"expiresAt":true'])
      expect(readCaller(json, `{"consumer":"shop",${more}}`, 0), more).toBeUndefined()
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('json', 'string'), (value, form) => {
        const caller = readCaller({ ...json, form }, JSON.stringify(value), 0)
        if (caller !== undefined) expect(caller.consumer).toMatch(/^[\x21-\x7e]{1,256}$/)
      }),
    )
  })
})

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readKeys } from '../../../gateway/auth/fetch-keys.ts'

const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid })
const good = jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey, 'good')
const ed = jwk(generateKeyPairSync('ed25519').publicKey, 'ed')
const short = jwk(generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey, 'short')
const broken = { kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AA', y: 'AA' }

describe('the keys of an issuer', () => {
  it('are those that can verify a signature: a broken or short one is no key, whoever names it', () => {
    const { keys } = readKeys('https://id.example.com', JSON.stringify({ keys: [short, good, broken, ed] }))

    expect(keys.map(({ kid }) => kid)).toEqual(['good', 'ed'])
  })

  it('are none where no usable one is left', () => {
    expect(() => readKeys('https://id.example.com', JSON.stringify({ keys: [short] }))).toThrow(
      expect.objectContaining({ code: 'jwt-keys-unreadable' }),
    )
  })
})

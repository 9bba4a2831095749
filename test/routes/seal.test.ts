import { describe, expect, it } from 'vitest'
import { checkSeal, digestOf, seal, signingKey, trustedKeys } from '#routes/seal.ts'
import { makeSealer } from '../support/tables.ts'

const { signing, trusted, files } = await makeSealer()
const sealed = await seal('placements', '{"a":1}', signing)

describe('a seal', () => {
  it('is valid for the exact text, kind and signer', async () => {
    expect(await checkSeal(sealed, trusted)).toBe('valid')
  })

  it('is wrong for any other text, kind or signature', async () => {
    expect(await checkSeal({ ...sealed, body: '{"a": 1}' }, trusted)).toBe('signature-wrong')
    expect(await checkSeal({ ...sealed, kind: 'structure' }, trusted)).toBe('signature-wrong')
    for (const signature of ['', sealed.signature.slice(1), `${sealed.signature}=`, 'A'.repeat(86)]) {
      expect(await checkSeal({ ...sealed, signature }, trusted)).toBe('signature-wrong')
    }
  })

  it('of a signer that is not trusted is told apart', async () => {
    expect(await checkSeal({ ...sealed, keyId: 'other' }, trusted)).toBe('key-unknown')
  })
})

describe('key files', () => {
  it('are refused as a whole for one malformed key', async () => {
    expect(await trustedKeys([files, { id: 't2', publicKey: 'short' }])).toBeUndefined()
    expect(await signingKey('t1', 'not base64url!')).toBeUndefined()
  })
})

describe('a digest', () => {
  it('is SHA-256, base64url', async () => {
    expect(await digestOf('')).toBe('47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU')
  })
})

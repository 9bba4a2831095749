import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { seededRandom } from '#server-kit/random.ts'
import { IdentitySigner } from '../../../gateway/auth/identity-signer.ts'

const pem = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }) =>
  String(key.export({ type: 'pkcs8', format: 'pem' }))
const pems = {
  ed25519: pem(generateKeyPairSync('ed25519').privateKey),
  p256: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  p384: pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
}
const anna = { consumer: 'anna', scopes: ['a', 'b'], by: 'jwt', claims: { branch: 'north' } } as const

function signerOf(texts: readonly string[], clock = new HeldClock()) {
  const keys = texts.map((text, at) => ({ path: `key-${at}`, pem: text }))
  return new IdentitySigner({
    keys,
    issuer: 'tidegate:onprem',
    lifetimeMs: 60_000,
    clock,
    random: seededRandom(1, clock),
  })
}

describe('a signed identity', () => {
  it.each(['ed25519', 'p256'] as const)(
    'by %s is verified by the published keys, for its service alone',
    async (kind) => {
      const clock = new HeldClock()
      const signer = signerOf([pems[kind], pems[kind === 'p256' ? 'ed25519' : 'p256']], clock)
      const set = createLocalJWKSet(signer.published as JSONWebKeySet)
      const currentDate = new Date(clock.now())

      const token = signer.sign(anna, 'orders')
      const { payload } = await jwtVerify(token, set, { issuer: 'tidegate:onprem', audience: 'orders', currentDate })

      expect(payload).toMatchObject({ sub: 'anna', scope: 'a b', by: 'jwt', claims: { branch: 'north' } })
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60)
      await expect(jwtVerify(token, set, { audience: 'billing', currentDate })).rejects.toThrow(/aud/)
      expect(JSON.stringify(signer.published)).not.toContain('"d"')
    },
  )

  it('is signed once for many requests, and anew before half of its time is over', () => {
    const clock = new HeldClock()
    const signer = signerOf([pems.ed25519], clock)
    const token = signer.sign(anna, 'orders')

    clock.advance(29_999)
    expect(signer.sign(anna, 'orders')).toBe(token)
    expect(signer.sign(anna, 'billing')).not.toBe(token)
    clock.advance(1)
    expect(signer.sign(anna, 'orders')).not.toBe(token)
  })

  it('ends with the credential of its caller at the latest, and has a name of its own', () => {
    const clock = new HeldClock()
    const signer = signerOf([pems.ed25519], clock)
    const read = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    const leaving = { ...anna, expiresAt: clock.now() + 20_900 }

    const token = signer.sign(leaving, 'orders')
    const { exp, iat, jti } = read(token)

    expect(exp).toBe(Math.floor(leaving.expiresAt / 1_000))
    expect(iat).toBeLessThan(exp)
    expect(jti).toMatch(/^[0-9A-Z]{26}$/)
    expect(read(signer.sign(leaving, 'billing')).jti).not.toBe(jti)
    // Signing it again would gain nothing.
    clock.advance(20_000)
    expect(signer.sign(leaving, 'orders')).toBe(token)
  })

  it('needs a key of a kind that is safe to use', () => {
    expect(() => signerOf([pems.p384])).toThrow(/neither Ed25519 nor P-256/)
    expect(() => signerOf(['hello'])).toThrow(/no private key/)
  })
})

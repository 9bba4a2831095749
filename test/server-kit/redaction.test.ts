import { describe, expect, it } from 'vitest'
import { redact } from '#server-kit/redaction.ts'

const hidden = '[redacted]'

describe('redaction', () => {
  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-api-key',
    'token',
    'adminToken',
    'secret',
    'client_secret',
    'password',
    'privateKey',
    'x-tidegate-edge',
    'X-Tidegate-Hop',
  ])('hides %s', (name) => {
    expect(redact({ [name]: 'abc', kept: 'abc' })).toEqual({ [name]: hidden, kept: 'abc' })
  })

  it('hides them however deep, in raw header pairs, and in what caused an error', () => {
    const cause = Object.assign(new Error('refused'), { facts: { token: 'abc' } })
    const facts = {
      request: { headers: { cookie: 'abc', accept: '*/*' } },
      raw: ['Host', 'a.example', 'Authorization', 'Bearer abc'],
      err: new Error('failed', { cause }),
    }

    const text = JSON.stringify(redact(facts))

    expect(text).not.toContain('abc')
    expect(text).toContain('*/*')
    expect(text).toContain('a.example')
    expect(text).toContain('refused')
  })

  it("leaves the caller's object as it is, and copies nothing when there is nothing to hide", () => {
    const guilty = { token: 'abc' }
    const innocent = { a: { b: 1 } }

    redact(guilty)

    expect(guilty).toEqual({ token: 'abc' })
    expect(redact(innocent)).toBe(innocent)
  })

  it('ends on facts that contain themselves, and on endless lists', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    const long = { items: Array.from({ length: 5_000 }, (_, i) => i) }

    expect(() => redact(circle)).not.toThrow()
    expect(redact(long)['items']).toHaveLength(1_000)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../../gateway/store/envelope.ts'

const envelope = fc.record<Envelope>(
  {
    kind: fc.constantFrom('value' as const, 'tombstone' as const),
    stamp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    flags: fc.nat({ max: 0xffffffff }),
    originalKey: fc.string({ unit: 'grapheme' }),
    contentType: fc.string({ unit: 'grapheme' }),
    tags: fc
      .record({ exact: fc.array(fc.string({ unit: 'grapheme' })), scopes: fc.array(fc.string({ unit: 'grapheme' })) })
      .filter(({ exact, scopes }) => exact.length + scopes.length > 0),
    soft: fc.record({ sinceMs: fc.maxSafeNat(), forMs: fc.maxSafeNat() }),
    asOf: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    expiresAtMs: fc.maxSafeNat(),
  },
  { requiredKeys: ['kind', 'stamp', 'flags'] },
)

describe('the envelope', () => {
  it('gives back what was put into it', () => {
    fc.assert(
      fc.property(envelope, fc.uint8Array(), (written, bytes) => {
        const body = written.kind === 'value' ? Buffer.from(bytes) : Buffer.alloc(0)

        const opened = decodeEnvelope(Buffer.concat([encodeEnvelope(written), body]))

        expect(opened).toEqual({ ...written, body })
      }),
    )
  })

  it('has the bytes that the format says', () => {
    const bytes = encodeEnvelope({ kind: 'value', stamp: 0x0102030405060708n, flags: 0xfffefdfc, contentType: 'a/b' })

    expect(bytes.toString('hex')).toBe(
      ['5447', '01', '56', '0102030405060708', 'fffefdfc', '0000', '0000', '00000006', '03', '0003', '612f62'].join(''),
    )
  })

  it('is not recognised when a bit of its fixed parts differs, or when it is cut', () => {
    const bytes = encodeEnvelope({ kind: 'value', stamp: 7n, flags: 1, originalKey: 'key', contentType: 'a/b' })
    const fixed = [0, 1, 2, 3, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]
    for (const at of fixed) {
      for (let bit = 0; bit < 8; bit++) {
        const other = Buffer.from(bytes)
        other[at] = (other[at] as number) ^ (1 << bit)
        // `V` with another bit may be `T`, which has no body: then it is a tombstone, never a value.
        expect(decodeEnvelope(Buffer.concat([other, Buffer.from('x')])), `byte ${at} bit ${bit}`).toBeUndefined()
      }
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeEnvelope(bytes.subarray(0, length))).toBeUndefined()
    }
  })

  it('carries tags, scopes and the time it was current as the format says', () => {
    const bytes = encodeEnvelope({
      kind: 'value',
      stamp: 1n,
      flags: 0,
      contentType: 'a',
      tags: { exact: ['t', 'u'], scopes: ['s'] },
      asOf: 2n,
    })

    expect(bytes.subarray(24).toString('hex')).toBe(
      ['02000174', '02000175', '03000161', '07000173', '0800080000000000000002'].join(''),
    )
    const fallen = Buffer.from(bytes)
    fallen[24] = 7
    expect(decodeEnvelope(fallen)).toBeUndefined()
  })

  it('throws at no input whatever', () => {
    const beginning = encodeEnvelope({ kind: 'value', stamp: 1n, flags: 0 }).subarray(0, 20)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, ours) => {
        decodeEnvelope(ours ? Buffer.concat([beginning, bytes]) : Buffer.from(bytes))
      }),
    )
  })
})

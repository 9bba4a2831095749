import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawKey } from '../../../gateway/store/node-key.ts'
import { storeKey, wireKey } from '../../../gateway/store/wire-key.ts'

/** One character a byte, as a client of memcached may send it. */
const wire = fc
  .uint8Array({ minLength: 1, maxLength: 250 })
  .map((bytes) =>
    Buffer.from(bytes.map((byte) => (byte <= 0x20 || byte === 0x7f ? byte + 0x21 : byte))).toString('latin1'),
  )

describe('a key on the wire', () => {
  it('comes back byte for byte, whether or not it is UTF-8, and in a raw zone is those very bytes', () => {
    fc.assert(
      fc.property(wire, (key) => {
        expect(wireKey(storeKey(key)).toString('latin1')).toBe(key)
        expect(rawKey(storeKey(key))).toBe(key)
      }),
    )
    for (const key of ['plain', '\xff\xfe', '\xf4\x8f\xbf\xbfposing', Buffer.from('ü€').toString('latin1')]) {
      expect(rawKey(storeKey(key))).toBe(key)
    }
  })

  it('is never the key of another one', () => {
    fc.assert(
      fc.property(wire, wire, (a, b) => {
        if (a !== b) expect(storeKey(a)).not.toBe(storeKey(b))
      }),
    )
  })

  it('is no text that the cache API could mean by another key', () => {
    expect(storeKey(Buffer.from('ü€').toString('latin1'))).toBe('ü€')
  })

  it('is refused by raw zones where a node would read another command', () => {
    for (const key of ['', 'a b', 'a\r\nflush_all', 'a\u0000', '\u007f', 'k'.repeat(251), '\ud800']) {
      expect(rawKey(key)).toBeUndefined()
    }
  })
})

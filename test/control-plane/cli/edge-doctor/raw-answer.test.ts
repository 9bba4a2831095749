import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldOf, readAnswer } from '../../../../control-plane/cli/edge-doctor/raw-answer.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Chunked as a server might, in parts of any size. */
function chunked(parts: readonly string[]): string {
  const chunks = parts.filter((part) => part !== '').map((part) => `${part.length.toString(16)}\r\n${part}\r\n`)
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
}

describe('an answer read from bytes', () => {
  it('is the same body in whatever chunks it came, and not whole a byte before its end', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '0', ' '), maxLength: 20 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), fc.nat(), (parts, cut) => {
        const all = bytes(chunked(parts))
        const whole = readAnswer(all, false)
        expect(whole.whole).toBe(true)
        expect(whole.body.toString('latin1')).toBe(parts.join(''))
        const part = readAnswer(all.subarray(0, cut % all.length), false)
        expect(part.whole).toBe(false)
        expect(whole.body.subarray(0, part.body.length).equals(part.body)).toBe(true)
      }),
    )
  })

  it('keeps interim answers apart from the final one', () => {
    const { interim, head, body } = readAnswer(
      bytes(
        'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
      ),
      false,
    )

    expect(interim.map(({ status }) => status)).toEqual([100, 103])
    expect(fieldOf(interim[1], 'link')).toBe('</a>')
    expect([head?.status, body.toString()]).toEqual([200, 'ok'])
  })

  it('without a length ends with the connection', () => {
    const open = bytes('HTTP/1.0 200 OK\r\n\r\nall that')

    expect(readAnswer(open, false).whole).toBe(false)
    expect(readAnswer(open, true)).toMatchObject({ whole: true, head: { status: 200 } })
  })

  it('that is none is told as none', () => {
    for (const text of ['', 'SSH-2.0-x\r\n\r\n', 'HTTP/1.1 20\r\n\r\n', 'HTTP/1.1 200 OK\r\nA: b\r\n']) {
      expect(readAnswer(bytes(text), true)).toMatchObject({ head: undefined, whole: false })
    }
  })
})

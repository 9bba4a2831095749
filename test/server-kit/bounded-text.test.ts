import { describe, expect, it } from 'vitest'
import { boundedText, innermostWords } from '#server-kit/bounded-text.ts'

describe('what another program answered', () => {
  it('is read as text up to its bound, whole characters over pieces of any size', async () => {
    const bytes = Buffer.from('Grüße, 東京')
    const pieces = new ReadableStream({
      start(to) {
        for (const byte of bytes) to.enqueue(Uint8Array.of(byte))
        to.close()
      },
    })

    expect(await boundedText(new Response(pieces), bytes.length)).toBe('Grüße, 東京')
    expect(await boundedText(new Response(null), 0)).toBe('')
  })

  it('is given up as soon as it is longer, though it has no end', async () => {
    let left = 0
    const endless = new ReadableStream({
      pull: (to) => to.enqueue(new Uint8Array(1_000)),
      cancel: () => void left++,
    })

    expect(await boundedText(new Response(endless), 10_000)).toBeUndefined()
    expect(left).toBe(1)
  })

  it('that never came is told in the words of the socket', () => {
    const refused = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') })

    expect(innermostWords(refused)).toBe('connect ECONNREFUSED 127.0.0.1:1')
    expect(innermostWords('why')).toBe('why')
  })
})

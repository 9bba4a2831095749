import { describe, expect, it } from 'vitest'
import { boundedText, parseOffer } from '../../edge-worker/table-offer.ts'

const sealed = { kind: 'placements', keyId: 't1', signature: 's', body: '{}' }

describe('a table offer', () => {
  it('has its parts, and nothing that was not asked for', () => {
    expect(parseOffer(JSON.stringify({ placements: sealed, more: 1 }))).toEqual({ placements: sealed })
    expect(parseOffer('{}')).toEqual({})
  })

  it.each([
    '',
    'null',
    '[',
    '7',
    '{"structure":null}',
    '{"placements":{"kind":"placements"}}',
    JSON.stringify({ placements: { ...sealed, body: {} } }),
  ])('is none of %s', (text) => {
    expect(parseOffer(text)).toBeUndefined()
  })
})

describe('a bounded text', () => {
  const body = (...pieces: string[]) =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          const piece = pieces.shift()
          if (piece === undefined) controller.close()
          else controller.enqueue(new TextEncoder().encode(piece))
        },
      }),
    )

  it('is whole up to its bound, in bytes', async () => {
    expect(await boundedText(body('ab', 'c\u00e9'), 5)).toBe('abc\u00e9')
    expect(await boundedText(new Response(null), 5)).toBe('')
  })

  it('is none above it, and the rest is not read', async () => {
    const pieces = ['abc', 'def', 'never read', 'never read', 'never read']
    const response = new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new TextEncoder().encode(pieces.shift() ?? '')) }),
    )

    expect(await boundedText(response, 5)).toBeUndefined()
    expect(pieces.length).toBeGreaterThanOrEqual(2)
  })
})

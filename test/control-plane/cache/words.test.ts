import { describe, expect, it } from 'vitest'
import { auditedWords, wordsOf } from '../../../control-plane/cache/words.ts'

const codeOf = (act: () => unknown): unknown => {
  try {
    act()
    return undefined
  } catch (cause) {
    return (cause as { code?: unknown }).code
  }
}

describe('the words of an invalidation', () => {
  it('are passed on without the service, which the namespace stands for', () => {
    expect(wordsOf({ service: 'orders', tags: ['a'], soft: 60 })).toEqual({ tags: ['a'], soft: 60 })
  })

  it('are refused when they name nothing, too much, or nobody', () => {
    const urls = Array.from({ length: 600 }, (_, n) => `https://api.example.com/${n}`)

    expect(codeOf(() => wordsOf({ service: 'orders', soft: 60 }))).toBe('invalidation-empty')
    expect(codeOf(() => wordsOf({ service: 'orders', urls, prefixes: urls }))).toBe('invalidation-too-large')
    expect(codeOf(() => wordsOf({ all: true }))).toBe('invalidation-unclear')
    expect(codeOf(() => wordsOf({ service: 'orders', namespace: 'http-orders', all: true }))).toBe(
      'invalidation-unclear',
    )
  })

  it('stand in the audit with their mode, shortened', () => {
    const tags = Array.from({ length: 100 }, (_, n) => `t${n}`)

    expect(auditedWords({ tags, soft: 60 })).toEqual({
      mode: 'soft 60s',
      tags: { count: 100, first: tags.slice(0, 10) },
    })
    expect(auditedWords({ all: true })).toEqual({ mode: 'hard', all: true })
  })
})

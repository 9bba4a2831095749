import { describe, expect, it } from 'vitest'
import { compressible } from '../../../gateway/transform/compressible.ts'

const policy = { codings: ['gzip'] as const, types: ['text/*', 'application/json'], minBytes: 100 }
const json = ['Content-Type', 'application/json; charset=utf-8']
const verdict = (headers: string[], bytes = 500, status = 200) =>
  compressible({ status, reason: '', headers, body: Buffer.alloc(bytes) }, policy)

describe('an answer', () => {
  it.each([
    [json, 'coded'],
    [['content-type', 'TEXT/html'], 'coded'],
    [['content-type', 'image/png'], 'never'],
    [[], 'never'],
    [['content-type', 'text/event-stream'], 'never'],
    [[...json, 'content-encoding', 'br'], 'never'],
    [[...json, 'Cache-Control', 'public, No-Transform'], 'never'],
    [[...json, 'content-range', 'bytes 0-1/2'], 'never'],
    [[...json, 'content-digest', 'sha-256=:x:'], 'never'],
    [[...json, 'signature', 'sig=:x:'], 'never'],
  ])('with %j is %s compressed', (headers, expected) => {
    expect(verdict([...headers])).toBe(expected)
  })

  it.each([204, 205, 206, 304])('of status %i never is', (status) => {
    expect(verdict(json, 500, status)).toBe('never')
  })

  it('is left alone below the least size, yet told to vary', () => {
    expect(verdict(json, 99)).toBe('vary')
    expect(
      compressible({ status: 200, reason: '', headers: [...json, 'content-length', '99'], body: endless }, policy),
    ).toBe('vary')
    expect(compressible({ status: 200, reason: '', headers: json, body: endless }, policy)).toBe('coded')
  })
})

const endless = { flow: () => {}, resume: () => {}, cancel: () => {} }

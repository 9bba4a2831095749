import { describe, expect, it } from 'vitest'
import { conditionsOf, validatorsOf, withoutConditions } from '../../../../gateway/cache/policy/validate.ts'
import { entry, later } from './made.ts'

const modified = 'Sun, 22 Nov 2026 09:00:00 GMT'

describe('the conditions by which a service is asked', () => {
  it('Cache R1: are both validators of the entry', () => {
    expect(conditionsOf([validatorsOf(entry(['etag', '"a"', 'LAST-MODIFIED', modified]))])).toEqual([
      'if-none-match',
      '"a"',
      'if-modified-since',
      modified,
    ])
  })

  it('Cache R1: are the one that it has, or none', () => {
    expect(conditionsOf([validatorsOf(entry(['Last-Modified', modified]))])).toEqual(['if-modified-since', modified])
    expect(conditionsOf([validatorsOf(entry(['ETag', 'W/"a"']))])).toEqual(['if-none-match', 'W/"a"'])
    expect(conditionsOf([validatorsOf(entry(['ETag', '']))])).toEqual([])
    expect(conditionsOf([])).toEqual([])
  })

  it('Cache R1: have no date that is none', () => {
    expect(conditionsOf([validatorsOf(entry(['Last-Modified', 'yesterday']))])).toEqual([])
  })

  it('Cache C3: are the stored bytes, also of a tag without quotes', () => {
    expect(conditionsOf([validatorsOf(entry(['ETag', 'v1,5']))])).toEqual(['if-none-match', 'v1,5'])
  })

  it('Cache V7: are the tags of all variants, each once, the newest eight', () => {
    const variants = Array.from({ length: 12 }, (_, at) =>
      validatorsOf(
        entry(['ETag', `"${at >> 1 === 0 ? 'same' : at}"`, 'Last-Modified', modified], { responseMs: later(at) }),
      ),
    )

    expect(conditionsOf(variants)).toEqual(['if-none-match', '"11", "10", "9", "8", "7", "6", "5", "4"'])
    expect(conditionsOf(variants.slice(0, 4))).toEqual(['if-none-match', '"3", "2", "same"'])
  })

  it('Cache E1: are not those of a failure', () => {
    expect(conditionsOf([validatorsOf(entry(['ETag', '"a"'], { status: 404, negative: true }))])).toEqual([])
  })

  it('Cache C3: go without those of the client, and its Range', () => {
    const headers = ['Accept', 'a', 'If-None-Match', '"x"', 'IF-MODIFIED-SINCE', 'd', 'if-match', '*', 'x', '']
    const more = ['If-Unmodified-Since', 'd', 'If-Range', '"x"', 'Range', 'bytes=0-1', 'Accept', 'b']

    expect(withoutConditions([...headers, ...more])).toEqual(['Accept', 'a', 'x', '', 'Accept', 'b'])
  })
})

import { describe, expect, it } from 'vitest'
import { deepestJson, readJson } from '../../../gateway/transform/json-body.ts'

const read = (text: string | Buffer) => readJson(Buffer.from(text as string))
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

describe('a JSON body', () => {
  it('is read as every reader would', () => {
    expect(read('{"a":[{"b":1},{"b":"}\\"{"}],"c":{"b":"b"}}')).toEqual({
      ok: true,
      value: { a: [{ b: 1 }, { b: '}"{' }], c: { b: 'b' } },
    })
  })

  it.each([
    ['{"a":1,"a":2}', 'name-twice'],
    ['{"a":1,"\\u0061" : 2}', 'name-twice'],
    ['[{"x":{"a":1,"b":[],"a":2}}]', 'name-twice'],
    ['{"a":1', 'not-json'],
    ['\ufeff{}', 'not-json'],
    ['NaN', 'not-json'],
    ['', 'not-json'],
    [nested(deepestJson + 1), 'too-deep'],
  ])('is refused when readers would differ: %j', (text, because) => {
    expect(read(text)).toEqual({ ok: false, because })
  })

  it('is refused when it is not UTF-8', () => {
    expect(readJson(Buffer.from([0x22, 0xc0, 0xaf, 0x22]))).toEqual({ ok: false, because: 'not-utf-8' })
  })

  it('may be as deep as the limit says, and its names may be values elsewhere', () => {
    expect(read(nested(deepestJson)).ok).toBe(true)
    expect(read('{"a":"a","b":["a","a"]}').ok).toBe(true)
  })
})

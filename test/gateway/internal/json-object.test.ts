import { describe, expect, it } from 'vitest'
import { jsonObjectIn } from '../../../gateway/internal/json-object.ts'

describe('the JSON object of a body', () => {
  it('is read from its bytes', () => {
    expect(jsonObjectIn(Buffer.from('{"site":"cloud"}'))).toEqual({ site: 'cloud' })
  })

  it.each([
    ['nothing', undefined],
    ['no byte', Buffer.alloc(0)],
    ['what is cut off', Buffer.from('{"site":')],
    ['a list', Buffer.from('[]')],
    ['null', Buffer.from('null')],
    ['a text', Buffer.from('"site"')],
    ['what is not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['what a parser made of it', { site: 'cloud' }],
  ])('is none in %s', (_, body) => {
    expect(jsonObjectIn(body)).toBeUndefined()
  })
})

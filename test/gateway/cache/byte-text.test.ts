import { expect, it } from 'vitest'
import { byteText, percentDecoded } from '../../../gateway/cache/byte-text.ts'

it('gives each percent-encoded byte as one character, once', () => {
  expect(percentDecoded('%41%c3%A9')).toBe('A\xc3\xa9')
  expect(percentDecoded('%2541')).toBe('%41')
  expect(percentDecoded('100%, %4, %gg, %')).toBe('100%, %4, %gg, %')
  expect(percentDecoded('plain')).toBe('plain')
})

it('writes what a person typed as the bytes that a client would have sent', () => {
  expect(byteText('café')).toBe(percentDecoded(encodeURIComponent('café')))
})

import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { isUsable } from '../../../gateway/extensions/usable-answer.ts'

const fine = { status: 200, reason: '', headers: ['x-a', 'M\xfcller\t1'], body: undefined }
const stream = { flow: () => undefined, resume: () => undefined, cancel: () => undefined }

describe('an answer of an extension', () => {
  it.each([
    fine,
    { ...fine, body: Buffer.from('x') },
    { ...fine, body: stream },
    { ...fine, status: 101, tunnel: new Duplex() },
  ])('is usable: %j', (answer) => {
    expect(isUsable(answer)).toBe(true)
  })

  it.each([
    undefined,
    null,
    'text',
    { ...fine, status: 101 },
    { ...fine, status: 600 },
    { ...fine, status: '200' },
    { ...fine, reason: undefined },
    { ...fine, headers: { 'x-a': '1' } },
    { ...fine, headers: ['x-a'] },
    { ...fine, headers: ['x-a', 1] },
    { ...fine, headers: ['x a', '1'] },
    { ...fine, headers: ['x-a', '1\r\nx-b: 2'] },
    { ...fine, headers: ['x-a', 'emoji \u{1f600}'] },
    { ...fine, body: 'text' },
    { ...fine, body: { flow: () => undefined } },
  ])('is none that could be sent: %j', (answer) => {
    expect(isUsable(answer)).toBe(false)
  })
})

import { describe, expect, it } from 'vitest'
import { answerFault } from '../../../gateway/upstream/answer-fault.ts'

const raw = (...pairs: string[]) => pairs.map((text) => Buffer.from(text, 'latin1'))

describe('the head of a service', () => {
  it.each([0, 99, 101, 199, 600, 888, 999])('F12: with the status %d is no answer', (status) => {
    expect(answerFault(status, [])).toBeDefined()
  })

  it.each([200, 304, 418, 599])('with the status %d is one', (status) => {
    expect(answerFault(status, raw('Transfer-Encoding', 'Chunked', 'X', '1'))).toBeUndefined()
  })

  it.each([
    ['gzip, chunked', raw('Transfer-Encoding', 'gzip, chunked')],
    ['gzip alone', raw('transfer-encoding', 'gzip')],
    ['identity', raw('TRANSFER-ENCODING', 'identity')],
    ['two fields', raw('Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked')],
  ])('F12: with a transfer coding that we would have to strip is no answer: %s', (_, pairs) => {
    expect(answerFault(200, pairs)).toBe('a transfer coding other than chunked')
  })
})

import { describe, expect, it } from 'vitest'
import { type EchoAnswer, echoBehaviours, echoValue, readEchoAnswer, readEchoValue } from '#routes/echo.ts'

describe("doctor's question", () => {
  it('is read as it was written', () => {
    expect(readEchoValue(echoValue('gzip', 'n-1_a'))).toEqual({ behaviour: 'gzip', waitS: 0, nonce: 'n-1_a' })
    expect(readEchoValue(echoValue('slow119', 'n'))).toEqual({ behaviour: 'slow', waitS: 119, nonce: 'n' })
    for (const behaviour of echoBehaviours)
      expect(readEchoValue(behaviour === 'slow' ? 'slow0-n' : `${behaviour}-n`)?.behaviour).toBe(behaviour)
  })

  it.each(['', 'plain', 'plain-', 'slow-n', 'slow131-n', 'slow-1-n', 'other-n', `plain-${'n'.repeat(101)}`, 'plain-ä'])(
    'is none when it is %j',
    (value) => {
      expect(readEchoValue(value)).toBeUndefined()
    },
  )
})

describe('the answer to it', () => {
  const answer: EchoAnswer = {
    nonce: 'n',
    site: 'onprem',
    instance: 'g1',
    method: 'GET',
    target: '/a%2fb',
    host: 'api.example.com',
    scheme: 'https',
    httpVersion: '1.1',
    headers: [['X-A', 'ü']],
    address: '203.0.113.5',
    peer: '10.0.0.1',
    edge: {
      at: 1,
      skewMs: -20,
      requestId: 'r',
      structure: 3,
      placements: 4,
      because: 'steady',
      from: 'FRA',
      flags: ['unsafe'],
      country: 'DE',
    },
    bodyBytes: 0,
    bodyDigest: 'x',
    now: 5,
    keepAliveMs: 910_000,
    held: { structure: 3, placements: 4 },
  }

  it('is read as it was written, with an edge and without', () => {
    const { edge: _, ...unmarked } = answer

    expect(readEchoAnswer(JSON.stringify(answer))).toEqual(answer)
    expect(readEchoAnswer(JSON.stringify({ ...unmarked, markFault: 'no-key' }))).toEqual({
      ...unmarked,
      markFault: 'no-key',
    })
  })

  it.each([
    '',
    '<html>',
    '{}',
    JSON.stringify({ ...answer, site: 7 }),
    JSON.stringify({ ...answer, headers: [['a']] }),
    JSON.stringify({ ...answer, headers: [['a', 'b', 'c']] }),
    JSON.stringify({ ...answer, edge: { ...answer.edge, flags: ['other'] } }),
  ])('is not what somebody else answered in its place: %s', (body) => {
    expect(readEchoAnswer(body)).toBeUndefined()
  })
})

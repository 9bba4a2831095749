import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ChannelMessage, readMessage, writeMessage } from '../../../gateway/cache/event-text.ts'

const message: ChannelMessage = {
  from: 'one',
  number: 7,
  sentMs: 12.5,
  stamp: 2n ** 64n - 1n,
  event: { kind: 'tag', namespace: 'http-orders', name: 't:"ä"', stamp: 9n },
}

describe('a message between processes', () => {
  it('comes back as it was, with an event or without', () => {
    const { event: _, ...beat } = message

    expect(readMessage(writeMessage(message))).toEqual(message)
    expect(readMessage(writeMessage(beat))).toEqual(beat)
  })

  it.each([
    '',
    'x',
    '{}',
    '[]',
    '[2,"a",1,1,"1"]',
    '[1,7,1,1,"1"]',
    '[1,"a",1.5,1,"1"]',
    '[1,"a",1,1,"x"]',
    '[1,"a",1,1,null]',
    '[1,"a",1,1,"1",["drop","n","x","1"]]',
    '[1,"a",1,1,"1",["tag","n"]]',
    '[1,"a",1,1,"1",7]',
    '[1,"a",1,1,"1",null]',
  ])('of another kind is not understood: %s', (text) => {
    expect(readMessage(text)).toBeUndefined()
  })

  it('is read without a throw, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        readMessage(text)
      }),
      { numRuns: 2_000 },
    )
  })
})

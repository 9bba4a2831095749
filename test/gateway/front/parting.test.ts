import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { LiveExchanges } from '../../../gateway/front/live-exchanges.ts'
import { part } from '../../../gateway/front/parting.ts'
import { exchangeOf } from '../exchange.ts'

const socketOf = () => new Duplex({ read: () => undefined, write: (_, __, done) => done() })
const listeners = (socket: Duplex) => ['close', 'end', 'data'].map((event) => socket.listenerCount(event))

describe('a connection', () => {
  it('that parts is not parted again, however often that is asked for', () => {
    const socket = socketOf()
    part(socket)
    const before = listeners(socket)

    for (let time = 0; time < 1_000; time++) part(socket)

    expect(listeners(socket)).toEqual(before)
    socket.destroy()
  })

  it('on which answers come before their uploads, again and again, gathers nothing', () => {
    const socket = socketOf()
    const live = new LiveExchanges()
    const before = listeners(socket)

    for (let time = 0; time < 1_000; time++) {
      const x = exchangeOf([], { body: true })
      Object.defineProperty(x.body, 'complete', { value: false })
      live.begin(x, socket)
      live.end(x, socket)
    }

    expect(listeners(socket)).toEqual(before)
  })
})

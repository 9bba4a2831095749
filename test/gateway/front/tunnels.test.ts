import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import { closeFrame } from '../../../gateway/front/frame-boundary.ts'
import { Tunnels } from '../../../gateway/front/tunnels.ts'
import type { Ending } from '../../../gateway/phase.ts'
import { eventually } from '../../support/eventually.ts'
import { exchangeOf } from '../exchange.ts'

/** A tunnel between two ends that a test holds, and what came out at each. */
function joined(tunnels: Tunnels) {
  const [client, clientEnd] = duplexPair()
  const [service, serviceEnd] = duplexPair()
  const x = exchangeOf()
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  response.assignSocket(clientEnd as Socket)
  const endings: Ending[] = []
  tunnels.join(x, response, serviceEnd, (ending) => endings.push(ending))
  const seen = (of: Duplex) => {
    const pieces: Buffer[] = []
    of.on('data', (piece: Buffer) => pieces.push(piece))
    of.on('error', () => {})
    return () => Buffer.concat(pieces)
  }
  return { x, client, service, endings, atClient: seen(client), atService: seen(service) }
}

const frame = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])
const masked = (text: string) => Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

describe('a tunnel', () => {
  it('U1: carries bytes both ways, and counts them', async () => {
    const tunnels = new Tunnels(seededRandom(1))
    const { x, client, service, atClient, atService } = joined(tunnels)

    client.write('up')
    service.write('down!')

    await eventually(() => atClient().toString() === 'down!' && atService().toString() === 'up')
    expect([x.body.bytes, x.bytesOut]).toEqual([2, 5])
    client.destroy()
  })

  it('U1: that is to leave says so behind the frame that is under way, and lets nothing follow', async () => {
    const tunnels = new Tunnels(seededRandom(1))
    const { client, service, atClient, atService, endings } = joined(tunnels)
    service.write(frame('first').subarray(0, 4))
    client.write(masked('second').subarray(0, 7))
    await eventually(() => atClient().length === 4 && atService().length === 7)

    tunnels.leave()
    service.write(Buffer.concat([frame('first').subarray(4), frame('never')]))
    client.write(Buffer.concat([masked('second').subarray(7), masked('never')]))

    const down = Buffer.concat([frame('first'), closeFrame()])
    const up = Buffer.concat([masked('second'), closeFrame(seededRandom(1).bytes(4))])
    await eventually(() => atClient().equals(down) && atService().equals(up), { what: 'the farewells' })

    // The client has said the same: nobody waits any longer.
    client.write(closeFrame(Buffer.from([1, 2, 3, 4])))
    client.end()
    service.end()
    await eventually(() => endings.length === 1)
    await tunnels.idle()
    expect(endings).toEqual(['done'])
  })

  it('U1: says nothing behind a close frame that went by already', async () => {
    const tunnels = new Tunnels(seededRandom(1))
    const { client, service, atClient } = joined(tunnels)
    service.write(closeFrame())
    await eventually(() => atClient().length === 4)

    tunnels.leave()
    client.end()
    service.end()

    await tunnels.idle()
    expect(atClient()).toEqual(closeFrame())
  })

  it('C1: of which one side breaks off ends as a whole, and tells which side it was', async () => {
    const tunnels = new Tunnels(seededRandom(1))
    const one = joined(tunnels)
    const two = joined(tunnels)

    one.client.destroy(new Error('reset'))
    two.service.destroy(new Error('reset'))

    await tunnels.idle()
    expect([one.endings, two.endings]).toEqual([['client-aborted'], ['upstream-truncated']])
  })

  it('that begins while the gateway ends is told to leave at once', async () => {
    const tunnels = new Tunnels(seededRandom(1))
    tunnels.leave()
    const { client, service, atClient } = joined(tunnels)

    await eventually(() => atClient().equals(closeFrame()))
    client.end()
    service.end()
    await tunnels.idle()
  })
})

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { sendRaw, watchIdle } from '../../../../control-plane/cli/edge-doctor/connection.ts'

/** A server of one connection after the other, each handled as `serve` says. */
async function serverOf(serve: (socket: Socket) => void) {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    place: { url, host: 'api.example.com', ca: undefined },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

const head = 'GET /a\tb HTTP/1.1\r\nHost: api.example.com\r\n\r\n'
const fine = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

describe('a raw request', () => {
  it('leaves byte for byte as it is given', async () => {
    let received = ''
    await using server = await serverOf((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
        socket.write(fine)
      })
    })

    const outcome = await sendRaw(server.place, { head }, systemClock)

    expect(received).toBe(head)
    expect(outcome).toMatchObject({ ended: 'whole', head: { status: 200 }, localAddress: '127.0.0.1' })
  })

  it('tells that nobody listens, that nobody answers, and that it was hung up on', async () => {
    await using mute = await serverOf(() => undefined)
    await using rude = await serverOf((socket) => socket.on('data', () => socket.end()))
    const nobody = { ...mute.place, url: new URL('http://127.0.0.1:1') }

    expect(await sendRaw(nobody, { head }, systemClock)).toMatchObject({
      ended: 'failed',
      failure: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await sendRaw(mute.place, { head, deadlineMs: 50 }, systemClock)).toMatchObject({
      ended: 'late',
      head: undefined,
    })
    expect(await sendRaw(rude.place, { head }, systemClock)).toMatchObject({ ended: 'closed', head: undefined })
  })

  it('sends no body to whoever refused it while it waited for 100', async () => {
    let received = 0
    await using server = await serverOf((socket) => {
      socket.on('data', (chunk) => {
        received += chunk.length
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n')
      })
    })
    const body = Buffer.alloc(64 * 1024)

    const outcome = await sendRaw(server.place, { head, body, expectMs: 5_000 }, systemClock)

    expect([outcome.head?.status, received]).toEqual([413, head.length])
  })

  it('keeps an early refusal though the connection is reset under the rest of the body', async () => {
    await using server = await serverOf((socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n', () => socket.destroy()),
      )
    })

    const outcome = await sendRaw(server.place, { head, body: Buffer.alloc(1024 * 1024), times: 50 }, systemClock)

    expect(outcome).toMatchObject({ ended: 'whole', head: { status: 413 } })
  })

  it('ends its sending side where asked to, and still reads', async () => {
    await using server = await serverOf((socket) =>
      socket.on('data', () => undefined).on('end', () => socket.end(fine)),
    )

    expect(await sendRaw(server.place, { head, halfClose: true }, systemClock)).toMatchObject({ ended: 'whole' })
    expect(await sendRaw(server.place, { head, deadlineMs: 50 }, systemClock)).toMatchObject({ ended: 'late' })
  })

  it('waits no longer than for what it was told to look for', async () => {
    await using server = await serverOf((socket) =>
      socket.on('data', () => socket.write('HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello')),
    )

    const outcome = await sendRaw(server.place, { head, until: 'hello', deadlineMs: 5_000 }, systemClock)

    expect(outcome.head?.status).toBe(101)
    expect(outcome.ms).toBeLessThan(4_000)
  })
})

describe('an idle connection', () => {
  const answering = (then: (socket: Socket) => void) =>
    serverOf((socket) => socket.on('data', () => socket.write(fine, () => then(socket))))

  it('is told how long it was kept, or that it outlived the watch', async () => {
    await using short = await answering((socket) => setTimeout(() => socket.end(), 60))
    await using long = await answering(() => undefined)

    const closed = await watchIdle(short.place, head, 5_000, systemClock)

    expect(closed.answered).toBe(true)
    expect(closed.closedAfterMs).toBeGreaterThan(30)
    expect(closed.closedAfterMs).toBeLessThan(4_000)
    expect(await watchIdle(long.place, head, 60, systemClock)).toEqual({ answered: true, closedAfterMs: undefined })
  })

  it('of whom nothing was heard is not judged', async () => {
    await using rude = await serverOf((socket) => socket.end())

    expect(await watchIdle(rude.place, head, 60, systemClock)).toMatchObject({ answered: false })
  })
})

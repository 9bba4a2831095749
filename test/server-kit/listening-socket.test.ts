import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { openListeningSocket } from '../../server-kit/listening-socket.ts'
import { freePort } from '../support/free-port.ts'

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** How a connection ends that is made after all was released. */
async function endOf(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  return error.code ?? ''
}

describe('a listening socket that is held', () => {
  it('lets connections be made and accepts none of them', async () => {
    const socket = await openListeningSocket('127.0.0.1', 0)
    const before = readdirSync('/proc/self/fd').length

    const clients = await Promise.all(Array.from({ length: 1_000 }, () => connected(socket.port)))

    // One descriptor a client's own end, and none of an accepted one.
    expect(readdirSync('/proc/self/fd').length - before).toBe(1_000)
    for (const client of clients) client.on('error', () => undefined).destroy()
    await socket.close()
  })

  it('resets what waits and what comes once it refuses, and is gone once closed', async () => {
    const socket = await openListeningSocket('127.0.0.1', 0)
    const waiting = await connected(socket.port)
    const reset = once(waiting, 'error')

    socket.refuse()

    expect((await reset)[0]).toMatchObject({ code: 'ECONNRESET' })
    expect(await endOf(socket.port)).toBe('ECONNRESET')
    await socket.close()
    expect(await endOf(socket.port)).toBe('ECONNREFUSED')
  })

  it('says which address it cannot have, and why', async () => {
    const port = await freePort()
    const taken = createServer().listen(port, '127.0.0.1')
    await once(taken, 'listening')

    await expect(openListeningSocket('127.0.0.1', port)).rejects.toMatchObject({
      code: 'listen-refused',
      message: `Nothing can listen on 127.0.0.1:${port}: EADDRINUSE.`,
    })
    taken.close()
  })
})

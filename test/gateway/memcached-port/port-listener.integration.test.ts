import { writeFile } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { selfSigned } from '../../support/certificates.ts'
import { eventually, within } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { openPort, RawClient } from './open-port.ts'

describe('a Memcached port with TLS', () => {
  it('Store P6: lets in only clients that show a certificate which it was told to believe', async () => {
    await using folder = await temporaryFolder()
    const [own, client, stranger] = await Promise.all([selfSigned('cache'), selfSigned('shop'), selfSigned('nobody')])
    const files = { cert: folder.file('cert.pem'), key: folder.file('key.pem'), clients: folder.file('clients.pem') }
    await writeFile(files.cert, own.cert)
    await writeFile(files.key, own.key, { mode: 0o600 })
    await writeFile(files.clients, client.cert)
    await using port = await openPort({ yaml: { tls: files } })
    const ask = async (shown: { cert?: string; key?: string }): Promise<string> => {
      const socket = connect({ port: port.port, host: '127.0.0.1', servername: 'cache', ca: own.cert, ...shown })
      // Whoever is turned away is reset, and what it was told so far counts.
      socket.on('error', () => socket.destroy())
      let answer = ''
      socket.on('data', (chunk) => {
        answer += String(chunk)
      })
      socket.write('version\r\nquit\r\n')
      const closed = new Promise((resolve) => socket.once('close', resolve))
      await within(10_000, 'the end of the connection', closed)
      return answer
    }

    expect(await ask(client)).toBe('VERSION 1.6.18-tidegate\r\n')
    expect(await ask({})).toBe('')
    expect(await ask(stranger)).toBe('')
  })
})

describe('a Memcached port with TLS that is flooded', () => {
  it('Store P8: holds no more connections than it may, though none of them ever says hello', async () => {
    await using folder = await temporaryFolder()
    const own = await selfSigned('cache')
    const files = { cert: folder.file('cert.pem'), key: folder.file('key.pem') }
    await writeFile(files.cert, own.cert)
    await writeFile(files.key, own.key, { mode: 0o600 })
    await using port = await openPort({ yaml: { tls: files, maxConnections: 5 } })
    let closed = 0
    const sockets = Array.from({ length: 150 }, () =>
      connectPlain(port.port, '127.0.0.1')
        .on('error', () => undefined)
        .on('close', () => closed++),
    )

    try {
      await eventually(() => closed >= 45)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})

describe('the end of a Memcached port', () => {
  it('answers what was asked, and ends each connection behind it', async () => {
    await using port = await openPort()
    await using idle = await RawClient.open(port.port)
    await using busy = await RawClient.open(port.port)
    await Promise.all([idle.ask('version\r\n'), busy.ask('version\r\n')])
    busy.send('set k 0 0 1\r\na\r\nget k\r\n')
    await busy.until('END\r\n')

    await within(10_000, 'the end of the port', port.ports.drain())

    expect(await idle.closed()).toBe('')
    expect(await busy.closed()).toBe('')
    await expect(RawClient.open(port.port)).rejects.toThrow('ECONNREFUSED')
  })
})

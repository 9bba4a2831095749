/** What may stand before an edge and be wrong: each changes one thing that the doctor must see. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { freePort } from '../../../support/free-port.ts'
import { startNginx, type TestServer } from '../../../support/servers.ts'

export interface NginxFronts extends AsyncDisposable {
  /** Where the server with this `location` listens. */
  readonly ports: Readonly<Record<string, number>>
  readonly server: TestServer
}

/** One nginx with a server for each name: `around` stands in it, `location` in its only location. */
export async function nginxFronts(
  servers: Readonly<Record<string, { readonly around?: string; readonly location: string; readonly listen?: string }>>,
): Promise<NginxFronts> {
  const ports: Record<string, number> = {}
  for (const name of Object.keys(servers)) ports[name] = await freePort()
  const server = await startNginx((port, folder) => {
    const all = Object.entries(servers).map(
      ([name, { around = '', location, listen = '' }]) =>
        `server { listen 127.0.0.1:${ports[name]} ${listen}; ${around} location / { ${location} } }`,
    )
    return `proxy_cache_path ${folder}/cache keys_zone=answers:1m; server { listen 127.0.0.1:${port}; }\n${all.join('\n')}`
  })
  return { ports, server, [Symbol.asyncDispose]: () => server.stop() }
}

export interface RawFront extends AsyncDisposable {
  readonly port: number
}

/** Passes bytes on, and each connection's first head as `change` makes it. */
export async function rawFront(toPort: number, change: (head: string) => string): Promise<RawFront> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const edge = connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true })
    for (const socket of [client, edge]) {
      open.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket))
    }
    edge.pipe(client)
    let head = ''
    const first = (chunk: Buffer): void => {
      head += chunk.toString('latin1')
      const end = head.indexOf('\r\n\r\n') + 4
      if (end < 4) return
      client.off('data', first)
      edge.write(Buffer.from(change(head.slice(0, end)) + head.slice(end), 'latin1'))
      client.pipe(edge)
    }
    client.on('data', first)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

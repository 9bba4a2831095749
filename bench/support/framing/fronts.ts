import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { Agent, createServer as createHttpServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { openBed } from '../../../test/gateway/bed.ts'
import { freePort } from '../../../test/support/free-port.ts'
import { listens, startProcess } from '../../../test/support/process-runner.ts'
import { startNginx } from '../../../test/support/servers.ts'
import { placementSet, route, service, structure } from '../../../test/support/tables.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'

/** What stands between a client and a service, and is attacked. */
export interface Front extends AsyncDisposable {
  readonly port: number
}

export type StartFront = (servicePort: number) => Promise<Front>

/** Ours, as a process, with its usual limits. */
export const gateway: StartFront = async (servicePort) => {
  const bed = await openBed()
  const services = [service('orders', { deployments: [{ site: 'onprem', url: `http://127.0.0.1:${servicePort}` }] })]
  await bed.writeTable('table', structure([route('/v1/**')], { services }), placementSet([]))
  const { port } = await bed.start('onprem', { table: { file: 'table' }, log: { level: 'warn', access: false } })
  return { port, [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose]() }
}

export const nginx: StartFront = async (servicePort) =>
  startNginx(
    (port) => `
      upstream service { server 127.0.0.1:${servicePort}; keepalive 32; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_ignore_client_abort on; proxy_request_buffering off;
        }
      }`,
  )

export const haproxy: StartFront = async (servicePort) => {
  const folder = await temporaryFolder()
  const port = await freePort()
  const configuration = `
global
  maxconn 1000
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
  timeout http-request 10s
  option http-keep-alive
  http-reuse always
listen front
  bind 127.0.0.1:${port}
  server service 127.0.0.1:${servicePort}
`
  const file = folder.file('haproxy.cfg')
  await writeFile(file, configuration)
  const running = await startProcess({ command: 'haproxy', args: ['-db', '-f', file], ready: () => listens(port) })
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** The proxy that everybody writes first. */
export const bareNode: StartFront = async (servicePort) => {
  const agent = new Agent({ keepAlive: true })
  const server = createHttpServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const onward = httpRequest(
      { host: '127.0.0.1', port: servicePort, method, path: url, headers, agent },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
    request.pipe(onward)
  })
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      agent.destroy()
    },
  }
}

/**
 * NOT A PROXY TO USE: the negative control. It believes Content-Length whatever stands beside it, sends on the bytes as they came
 * over connections that it shares between clients, and gives back one answer for each request that it thinks it sent.
 */
export const lenient: StartFront = async (servicePort) => {
  const idle: Socket[] = []
  const sockets = new Set<Socket>()
  const forward = (client: Socket, bytes: string): void => {
    const onward = idle.pop() ?? connect(servicePort, '127.0.0.1')
    sockets.add(onward)
    onward.removeAllListeners()
    onward.on('error', () => {})
    onward.once('data', (answer) => {
      client.write(answer)
      idle.push(onward)
    })
    onward.write(Buffer.from(bytes, 'latin1'))
  }
  const server = createServer((client) => {
    sockets.add(client)
    client.on('error', () => {})
    let waiting = ''
    client.on('data', (chunk) => {
      waiting += chunk.toString('latin1')
      for (;;) {
        const end = waiting.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/content-length: *(\d+)/i.exec(waiting.slice(0, end))?.[1] ?? 0)
        if (waiting.length < end + 4 + length) return
        forward(client, waiting.slice(0, end + 4 + length))
        waiting = waiting.slice(end + 4 + length)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

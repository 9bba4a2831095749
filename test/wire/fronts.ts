/** Real nginx and Caddy, with exactly the files of docs/operate/fronts: but ports and paths are those of the test. */

import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { selfSigned } from '../support/certificates.ts'
import { within } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { listens, startProcess } from '../support/process-runner.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

export const frontNames = ['nginx', 'caddy'] as const
export type FrontName = (typeof frontNames)[number]

export interface Front extends AsyncDisposable {
  readonly port: number
  /** Of plain HTTP. */
  readonly plainPort: number
  /** What a client has to trust. */
  readonly ca: string
  output(): string
}

export const frontHost = 'api.example.com'

export async function startFront(name: FrontName, edgePort: number): Promise<Front> {
  const folder = await temporaryFolder()
  const [port, plainPort] = [await freePort(), await freePort()]
  const { key, cert } = await selfSigned(frontHost)
  await writeFile(folder.file('cert.pem'), cert)
  await writeFile(folder.file('key.pem'), key, { mode: 0o600 })
  const own: [from: string, to: string][] = [
    ['127.0.0.1:17080', `127.0.0.1:${edgePort}`],
    ['/etc/tidegate/api.example.com.pem', folder.file('cert.pem')],
    ['/etc/tidegate/api.example.com.key', folder.file('key.pem')],
    ...(name === 'nginx'
      ? ([
          ['listen 443', `listen 127.0.0.1:${port}`],
          ['listen 80', `listen 127.0.0.1:${plainPort}`],
          ['/run/nginx.pid', folder.file('pid')],
          ['/var/log/nginx/error.log', 'stderr'],
          ['access_log off;', `access_log off; ${temporaryPaths(folder.path)}`],
        ] as [string, string][])
      : ([
          ['https_port 443', `https_port ${port}\n\tdefault_bind 127.0.0.1`],
          ['http_port 80', `http_port ${plainPort}`],
        ] as [string, string][])),
  ]
  const file = name === 'nginx' ? 'nginx.conf' : 'Caddyfile'
  let text = await readFile(new URL(`../../docs/operate/fronts/${file}`, import.meta.url), 'utf8')
  for (const [from, to] of own) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replaceAll(from, to)
  }
  await writeFile(folder.file(file), text)
  const started = startProcess({
    ...(name === 'nginx'
      ? { command: 'nginx', args: ['-p', folder.path, '-c', folder.file(file), '-g', 'daemon off;'] }
      : { command: 'caddy', args: ['run', '--config', folder.file(file), '--adapter', 'caddyfile'] }),
    cwd: folder.path,
    env: { HOME: folder.path, XDG_CONFIG_HOME: folder.path, XDG_DATA_HOME: folder.path },
    ready: () => listens(port),
  })
  const running = await started.catch(async (cause: unknown) => {
    await folder[Symbol.asyncDispose]()
    throw cause
  })
  return {
    port,
    plainPort,
    ca: cert,
    output: () => running.output(),
    [Symbol.asyncDispose]: async () => {
      await running.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** Its package's folders belong to root. */
function temporaryPaths(folder: string): string {
  const names = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return names.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
}

/** A TLS connection on which a test writes HTTP/1.1 byte by byte. */
export async function connectTo({ port, ca }: Front, servername = frontHost): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, servername, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  return socket
}

/** Exact bytes, and all that comes back until the front closes; ask it to. */
export async function exchange(front: Front, bytes: string): Promise<string> {
  const socket = await connectTo(front)
  socket.write(Buffer.from(bytes, 'latin1'))
  const pieces = await within(10_000, `an answer to ${JSON.stringify(bytes.slice(0, 60))}`, socket.toArray())
  return Buffer.concat(pieces).toString('latin1')
}

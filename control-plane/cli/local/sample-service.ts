/**
 * Stands for every service of one site: says who and where it is, logs what it executes, and can be slow or fail.
 *
 *     node sample-service.ts --site cloud --listen 127.0.0.1:17250 --log services.log
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { ExecutionLog } from './execution-log.ts'
import { type Behaviour, behaviourOf, readBehaviour } from './sample-behaviour.ts'

const bodyLimitBytes = 8 * 1024 * 1024

export interface SampleOptions {
  readonly site: string
  readonly host: string
  readonly port: number
  /** Where it tells what it executed, one JSON line a request, on the disk's queue before the answer goes out. */
  readonly log: string
}

/** Resolves when it listens; `close` ends it. */
export async function startSampleService({ site, host, port, log }: SampleOptions) {
  const executions = new ExecutionLog(log)
  let standing: Behaviour = {}
  let executed = 0

  const server = createServer((request, response) => {
    void answer(request, response).catch((cause: unknown) => {
      // The client went away in the middle of its body: nobody is there to be told.
      response.destroy(cause instanceof Error ? cause : undefined)
    })
  })
  // Above the idle time-out of who keeps connections to us, or a reused one would be cut under a request.
  server.keepAliveTimeout = 75_000

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/'
    const [path = '/', query = ''] = target.split('?', 2)
    const body = await bodyOf(request)
    if (path === '/health/live') return send(response, 200, { status: 'live' })
    if (path === '/__sample/behave' && request.method === 'POST') {
      standing = behaviourOf(JSON.parse(body === '' ? '{}' : body))
      return send(response, 200, standing)
    }
    if (path === '/__sample/executions') return send(response, 200, { site, executed })

    const behaviour = { ...standing, ...readBehaviour(query) }
    if (behaviour.slowMs !== undefined) await new Promise((resolve) => setTimeout(resolve, behaviour.slowMs))
    const version = ++executed
    const status = behaviour.fail ?? (request.method === 'POST' ? 201 : 200)
    const at = Date.now()
    const requestId = field(request, 'x-request-id')
    const writeId = field(request, 'x-write-id')
    executions.add({
      at,
      site,
      method: request.method,
      path,
      version,
      requestId,
      writeId,
      status,
    })
    if (behaviour.fail !== undefined) return send(response, status, { site, failed: 'as told' })
    send(response, status, {
      service: serviceOf(path),
      site,
      method: request.method,
      path,
      // Counts what this site executed: the same number twice is an answer from a cache.
      version,
      requestId,
      consumer: field(request, 'x-tidegate-consumer'),
      ...(writeId === undefined ? {} : { writeId }),
      at: new Date(at).toISOString(),
    })
  }

  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve))
  const address = server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    port: bound,
    close: async () => {
      server.closeIdleConnections()
      await new Promise((resolve) => server.close(resolve))
      executions.close()
    },
  }
}

/** `/v1/orders/7` belongs to `orders`. */
function serviceOf(path: string): string {
  return path.split('/').find((segment) => segment !== '' && !/^v\d+$/.test(segment)) ?? 'root'
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  const cacheable = status === 200 ? 'public, max-age=30' : 'no-store'
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': cacheable,
  })
  response.end(text)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    // What is longer is read to its end, or the connection could not be used again, and not kept.
    if (bytes <= bodyLimitBytes) pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function field(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      site: { type: 'string', default: 'onprem' },
      listen: { type: 'string', default: '127.0.0.1:17150' },
      log: { type: 'string', default: 'services.log' },
    },
  })
  const [host = '127.0.0.1', port = '17150'] = values.listen.split(':')
  const service = await startSampleService({ site: values.site, host, port: Number(port), log: values.log })
  process.stdout.write(
    `${JSON.stringify({ program: 'sample-service', site: values.site, listen: `${host}:${service.port}`, ready: true })}\n`,
  )
  const end = (): void => void service.close().then(() => process.exit(0))
  process.once('SIGTERM', end).once('SIGINT', end)
}

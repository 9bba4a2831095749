/**
 * Stands for the monolith that is being taken apart: it knows nothing of sites and moves, and keeps what it computed
 * in the cache of its gateway. Its page tells what it did.
 *
 *     node sample-monolith.ts --cache http://127.0.0.1:17102 --token-file cache-token --listen 127.0.0.1:17151
 */
import { createServer, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { readSecret } from '#server-kit/secret.ts'
import { type CacheStep, CacheWork } from './cache-work.ts'

export interface MonolithOptions {
  /** The internal listener of its site's gateway. */
  readonly cache: string
  readonly token: string
  readonly namespace: string
  readonly host: string
  readonly port: number
  /** Between two steps. */
  readonly everyMs: number
}

/** Resolves when it listens; `close` ends it. */
export async function startMonolith(options: MonolithOptions) {
  const work = new CacheWork(options)
  const server = createServer((request, response) => {
    if (request.url === '/health/live') return send(response, 'application/json', '{"status":"live"}\n')
    const told = { namespace: options.namespace, totals: work.totals, recent: work.recent }
    if (request.headers.accept?.includes('text/html')) return send(response, 'text/html; charset=utf-8', page(told))
    send(response, 'application/json', `${JSON.stringify(told, undefined, 2)}\n`)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.host, resolve))

  const ending = new AbortController()
  const working = work.run(options.everyMs, ending.signal)
  return {
    close: async () => {
      ending.abort()
      await working
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(text)
}

function page({ totals, recent }: { totals: object; recent: readonly CacheStep[] }): string {
  const rows = recent.map(
    ({ at, did, key, result, ms }) =>
      `<tr><td>${new Date(at).toISOString().slice(11, 23)}<td>${did}<td>${key}<td>${result}<td>${ms.toFixed(1)} ms`,
  )
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sample monolith</title>
<meta http-equiv="refresh" content="2"><style>body{font:14px system-ui;margin:2rem}td,th{padding:.2rem 1rem;text-align:left}</style>
<h1>Sample monolith</h1><p>${Object.entries(totals)
    .map(([name, count]) => `${name} ${count}`)
    .join(' · ')}
<table><tr><th>at<th>did<th>key<th>result<th>took${rows.toReversed().join('')}</table></html>\n`
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      cache: { type: 'string', default: 'http://127.0.0.1:17102' },
      'token-file': { type: 'string', default: 'cache-token' },
      namespace: { type: 'string', default: 'legacy' },
      listen: { type: 'string', default: '127.0.0.1:17151' },
      every: { type: 'string', default: '1000' },
    },
  })
  const [host = '127.0.0.1', port = '17151'] = values.listen.split(':')
  const monolith = await startMonolith({
    cache: values.cache,
    // A file and not an argument: arguments can be read by every user of the machine.
    token: readSecret(`\${file:${values['token-file']}}`, process.env),
    namespace: values.namespace,
    host,
    port: Number(port),
    everyMs: Number(values.every),
  })
  process.stdout.write(`${JSON.stringify({ program: 'sample-monolith', listen: values.listen, ready: true })}\n`)
  const end = (): void => void monolith.close().then(() => process.exit(0))
  process.once('SIGTERM', end).once('SIGINT', end)
}

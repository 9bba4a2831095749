import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '../../../test/support/eventually.ts'

/** What a path's first segment makes of its answer. */
export const answerKinds = {
  fresh: { 'cache-control': 'max-age=60' },
  swr: { 'cache-control': 'max-age=2, stale-while-revalidate=60' },
  etag: { 'cache-control': 'max-age=2', etag: '"v1"' },
  never: { 'cache-control': 'no-store' },
} as const
export type AnswerKind = keyof typeof answerKinds

/** A service that thinks for a while before each answer, and counts. */
export interface SlowOrigin extends AsyncDisposable {
  readonly port: number
  /** Requests for this path so far. */
  count(path: string): number
  /** Resolves when none is under way. */
  idle(): Promise<void>
}

export async function startSlowOrigin(thinkMs: number): Promise<SlowOrigin> {
  const counts = new Map<string, number>()
  let underWay = 0
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const path = request.url ?? ''
    counts.set(path, (counts.get(path) ?? 0) + 1)
    underWay++
    response.once('close', () => underWay--)
    setTimeout(answer, thinkMs, request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    count: (path) => counts.get(path) ?? 0,
    idle: () => eventually(() => underWay === 0, { what: 'an idle origin', deadlineMs: 30_000 }).then(() => undefined),
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Each answer says which path it is for: an answer of another one would be seen. */
export const bodyOf = (path: string): string => `answer of ${path}`

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? ''
  const headers: Record<string, string> = answerKinds[path.split('/')[1]?.replace(/\d+$/, '') as AnswerKind] ?? {}
  const tag = headers['etag']
  if (tag !== undefined && request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end()
    return
  }
  const body = bodyOf(path)
  response.writeHead(200, { ...headers, 'content-type': 'text/plain', 'content-length': body.length }).end(body)
}

/** What the guards are measured against: an undici Pool behind node:http, which sends again whatever failed, once. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Pool } from 'undici'

const pool = new Pool(process.argv[2] ?? '', { connections: 256, pipelining: 1, keepAliveTimeout: 60_000 })

const server = createServer((request, response) => {
  // A failure of this one is an answer, too: 502.
  void forward(request.method ?? 'GET', request.url ?? '/', request).then(({ status, text }) => {
    response.writeHead(status).end(text)
  })
})

async function forward(method: string, path: string, body: AsyncIterable<Buffer>) {
  const bytes = await buffer(body)
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const answer = await pool.request({ method: method as 'GET', path, body: bytes.length === 0 ? null : bytes })
      return { status: answer.statusCode, text: await answer.body.text() }
    } catch {
      failures++
    }
  }
  return { status: 502, text: String(failures) }
}

let failures = 0
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })))

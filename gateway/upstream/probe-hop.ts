import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { HopProbe } from '#routes/gateway-answers.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { TlsOptions } from './upstream-tls.ts'

export interface ProbeTarget {
  /** `http(s)://address:port` */
  readonly origin: string
  readonly tls: TlsOptions
  readonly host: string
  readonly path: string
  /** For how long the idle connection is watched, ms. */
  readonly watchMs: number
  readonly clock: Clock
}

const connectMs = 2_000
const answerMs = 5_000
const headLimit = 64 * 1024

/**
 * Connects, asks once (GET, so that nothing changes), and watches the idle connection. Never rejects: what went wrong is
 * the result.
 */
export async function probeHop(target: ProbeTarget): Promise<HopProbe> {
  const { clock, watchMs } = target
  const begun = clock.monotonic()
  const socket = open(target)
  try {
    await event(socket, target.origin.startsWith('https:') ? 'secureConnect' : 'connect', connectMs)
    const connected = clock.monotonic()
    socket.write(`GET ${target.path} HTTP/1.1\r\nHost: ${target.host}\r\nUser-Agent: tidegate-probe\r\n\r\n`)
    const head = await headOf(socket)
    const answered = clock.monotonic()
    const closed = await closedWithin(socket, watchMs)
    const says = /^keep-alive:.*\btimeout=(\d{1,6})/im.exec(head)?.[1]
    return {
      connectMs: Math.round(connected - begun),
      firstByteMs: Math.round(answered - connected),
      status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0),
      ...(says === undefined ? {} : { saysIdleMs: Number(says) * 1_000 }),
      ...(closed ? { closedAfterMs: Math.round(clock.monotonic() - answered) } : {}),
    }
  } catch (cause) {
    return { connectMs: Math.round(clock.monotonic() - begun), failed: (cause as Error).message }
  } finally {
    socket.destroy()
  }
}

function open({ origin, tls }: ProbeTarget): Socket {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket =
    protocol === 'https:'
      ? connectTls({ ...tls, host, port: Number(port || 443) })
      : connect({ host, port: Number(port || 80) })
  // A failure is seen by whoever waits; one that comes later, while nobody does, must not end the process.
  socket.on('error', () => socket.destroy())
  return socket
}

/** Resolves with the head; its body, if any, is read and dropped while the connection is watched. */
function headOf(socket: Socket): Promise<string> {
  return limited(answerMs, 'no answer came', (resolve, reject) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      if (text.length > headLimit) return
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end >= 0) resolve(text.slice(0, end))
    })
    socket.once('close', () => reject(new Error('it closed without an answer')))
  })
}

function closedWithin(socket: Socket, waitMs: number): Promise<boolean> {
  if (socket.destroyed || socket.readableEnded) return Promise.resolve(true)
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), waitMs)
    const closed = () => {
      clearTimeout(timer)
      resolve(true)
    }
    socket.once('end', closed)
    socket.once('close', closed)
  })
}

function event(socket: Socket, name: string, limitMs: number): Promise<void> {
  return limited(limitMs, 'it did not accept in time', (resolve, reject) => {
    socket.once(name, () => resolve())
    socket.once('error', reject)
  })
}

function limited<Value>(
  limitMs: number,
  otherwise: string,
  begin: (resolve: (value: Value) => void, reject: (cause: Error) => void) => void,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(otherwise)), limitMs)
    begin(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (cause) => {
        clearTimeout(timer)
        reject(cause)
      },
    )
  })
}

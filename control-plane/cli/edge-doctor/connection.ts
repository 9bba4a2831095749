/**
 * One request on a connection of its own, byte for byte as it is given: no client stands between that would normalise what
 * is to be seen. Everything that happens is told; nothing rejects.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '#server-kit/clock.ts'
import { type ReadAnswer, readAnswer } from './raw-answer.ts'

/** Where, and as whom, to knock. */
export interface Place {
  /** Scheme, address and port. */
  readonly url: URL
  /** Name in TLS, and in the Host field of what is sent. */
  readonly host: string
  /** Certificates to trust beside those of the system, PEM. */
  readonly ca: string | undefined
}

export interface RawRequest {
  /** Up to and with the empty line. */
  readonly head: string
  /** It bears a signed word: over TLS it goes only to whom the certificate vouches for, as another could use the word. */
  readonly signed?: true
  readonly body?: Uint8Array
  /** How often the body is sent. Default 1. */
  readonly times?: number
  /** Waits so long for a `100 Continue` before the body goes out, ms. */
  readonly expectMs?: number
  /** Ends the sending side behind the request. */
  readonly halfClose?: boolean
  /** Default 10,000. */
  readonly deadlineMs?: number
  /** What, once it stands in the body, is all that is waited for. */
  readonly until?: string
}

export interface Outcome extends ReadAnswer {
  /** `whole`: the answer is all there. */
  readonly ended: 'whole' | 'closed' | 'late' | 'failed'
  /** What the socket said when it failed, with its code. */
  readonly failure?: string
  /** From the request to the first byte, and to the end, ms. */
  readonly firstByteMs: number | undefined
  readonly ms: number
  /** Bytes received by then, ms since the request: when each part came. */
  readonly arrivals: readonly { readonly ms: number; readonly bytes: number }[]
  /** Our side of the connection. */
  readonly localAddress: string | undefined
  /** Of TLS: why the certificate is not good; '' = it is. */
  readonly certificateFault?: string
  readonly certificateEnds?: string
}

const connectLimitMs = 5_000
const keepBytes = 4 * 1024 * 1024

export async function sendRaw(place: Place, request: RawRequest, clock: Clock): Promise<Outcome> {
  const { deadlineMs = 10_000, expectMs, until } = request
  const arrivals: { ms: number; bytes: number }[] = []
  const chunks: Buffer[] = []
  let received = 0
  let failure: string | undefined
  let begun = clock.monotonic()
  const socket = open(place)
  const signals = new Signals()
  socket.on('error', (cause: NodeJS.ErrnoException) => {
    failure ??= cause.code === undefined ? cause.message : `${cause.code}: ${cause.message}`
    signals.tell()
  })
  socket.on('end', () => signals.tell())
  socket.on('close', () => signals.tell())
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    arrivals.push({ ms: clock.monotonic() - begun, bytes: received })
    if (received <= keepBytes) chunks.push(chunk)
    signals.tell()
  })
  let answer = readAnswer(Buffer.alloc(0), false)
  const look = () => {
    const ended = socket.readableEnded || socket.destroyed
    answer = readAnswer(Buffer.concat(chunks), ended)
    if (until !== undefined && answer.body.includes(until)) return true
    return answer.whole || ended || failure !== undefined
  }
  try {
    const event = place.url.protocol === 'https:' ? 'secureConnect' : 'connect'
    let connected = false
    socket.once(event, () => {
      connected = true
      signals.tell()
    })
    await signals.until(() => connected || failure !== undefined, connectLimitMs)
    const fault = request.signed && connected ? certificateOf(socket, place).certificateFault : undefined
    if (fault) failure ??= `the certificate is refused (${fault}), and no signed word is shown to whoever that is`
    else if (connected) {
      begun = clock.monotonic()
      socket.write(Buffer.from(request.head, 'latin1'))
      if (expectMs !== undefined) await signals.until(() => look() || answer.interim.length > 0, expectMs)
      await writeBody(socket, request, signals, () => look())
      if (request.halfClose === true) socket.end()
      const left = deadlineMs - (clock.monotonic() - begun)
      await signals.until(look, left)
    } else failure ??= 'it did not accept in time'
    look()
    return {
      ...answer,
      ended: answer.whole ? 'whole' : failure !== undefined ? 'failed' : socket.readableEnded ? 'closed' : 'late',
      ...(failure === undefined ? {} : { failure }),
      firstByteMs: arrivals[0]?.ms,
      ms: clock.monotonic() - begun,
      arrivals,
      localAddress: socket.localAddress,
      ...certificateOf(socket, place),
    }
  } finally {
    socket.destroy()
  }
}

/** How long an idle connection stays open after one answer; undefined = longer than `watchMs`, or no answer came at all. */
export async function watchIdle(
  place: Place,
  head: string,
  watchMs: number,
  clock: Clock,
): Promise<{ readonly answered: boolean; readonly closedAfterMs: number | undefined }> {
  const socket = open(place)
  const signals = new Signals()
  const chunks: Buffer[] = []
  socket.on('error', () => socket.destroy())
  socket.on('close', () => signals.tell())
  socket.on('end', () => signals.tell())
  socket.on('data', (chunk: Buffer) => {
    if (chunks.length < 64) chunks.push(chunk)
    signals.tell()
  })
  try {
    socket.write(Buffer.from(head, 'latin1'))
    const gone = () => socket.destroyed || socket.readableEnded
    await signals.until(() => gone() || readAnswer(Buffer.concat(chunks), false).whole, connectLimitMs)
    if (!readAnswer(Buffer.concat(chunks), false).whole) return { answered: false, closedAfterMs: undefined }
    const answered = clock.monotonic()
    await signals.until(gone, watchMs)
    return { answered: true, closedAfterMs: gone() ? clock.monotonic() - answered : undefined }
  } finally {
    socket.destroy()
  }
}

function open({ url, host, ca }: Place): Socket {
  const to = { host: url.hostname.replace(/^\[|\]$/g, ''), allowHalfOpen: true }
  if (url.protocol !== 'https:') return connect({ ...to, port: Number(url.port || 80) })
  // Judged and told: an origin without a good certificate is asked, too, but by nothing that anybody else could use.
  const tls = { rejectUnauthorized: false, servername: serverName(host), ...(ca === undefined ? {} : { ca }) }
  return connectTls({ ...to, ...tls, port: Number(url.port || 443), ALPNProtocols: ['http/1.1'] })
}

/** RFC 6066 section 3: no address stands in SNI. */
function serverName(host: string): string {
  const name = host.replace(/:\d+$/, '')
  return /^[\d.]+$|^\[/.test(name) ? '' : name
}

function certificateOf(socket: Socket, { url }: Place): Pick<Outcome, 'certificateFault' | 'certificateEnds'> {
  if (url.protocol !== 'https:') return {}
  const { authorizationError } = socket as TLSSocket
  const ends = (socket as TLSSocket).getPeerCertificate?.()?.valid_to
  const fault = authorizationError as Error | string | null | undefined
  return {
    certificateFault: fault === null || fault === undefined ? '' : String((fault as Error).message ?? fault),
    ...(ends === undefined ? {} : { certificateEnds: ends }),
  }
}

/** In step with whoever reads it, and only for as long as nobody has answered. */
async function writeBody(
  socket: Socket,
  { body, times = 1 }: RawRequest,
  signals: Signals,
  over: () => boolean,
): Promise<void> {
  if (body === undefined) return
  for (let sent = 0; sent < times; sent++) {
    if (!socket.writable || over()) return
    if (socket.write(body)) continue
    let drained = false
    socket.once('drain', () => {
      drained = true
      signals.tell()
    })
    await signals.until(() => drained || over(), connectLimitMs)
  }
}

/** Waits for what several events may bring about. */
class Signals {
  #waiting: (() => void) | undefined

  tell(): void {
    this.#waiting?.()
  }

  /** Resolves when `holds`, or after `limitMs`. */
  until(holds: () => boolean, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve()
      }
      const timer = setTimeout(end, Math.max(0, limitMs))
      this.#waiting = () => {
        if (holds()) end()
      }
      this.#waiting()
    })
  }
}

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { within } from '../../../test/support/eventually.ts'

export interface Burst {
  /** From the moment that the request was written to the last byte of its answer, ms; ascending. */
  readonly sortedMs: Float64Array
  /** Answers that were not 200 with the right body. */
  readonly wrong: number
}

/** So many clients of one server, each on a connection that was opened before any clock starts. */
export class Crowd implements Disposable {
  readonly #sockets: readonly Socket[]

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets
  }

  static async open(port: number, clients: number): Promise<Crowd> {
    const sockets = Array.from({ length: clients }, () => connect({ port, host: '127.0.0.1', noDelay: true }))
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    return new Crowd(sockets)
  }

  /** All ask for the same at once. */
  async burst(path: string, body: string): Promise<Burst> {
    const request = `GET ${path} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`
    const answers = this.#sockets.map((socket) => ask(socket, request, body))
    const seen = await within(60_000, `the answers to ${path}`, Promise.all(answers))
    return {
      sortedMs: Float64Array.from(seen, ({ ms }) => ms).sort(),
      wrong: seen.filter(({ right }) => !right).length,
    }
  }

  /** One of them alone. */
  async one(path: string, body: string): Promise<void> {
    const [socket] = this.#sockets
    const request = `GET ${path} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`
    if (socket !== undefined) await within(60_000, `the answer to ${path}`, ask(socket, request, body))
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function ask(socket: Socket, request: string, body: string): Promise<{ ms: number; right: boolean }> {
  const { promise, resolve } = Promise.withResolvers<{ ms: number; right: boolean }>()
  const startedMs = performance.now()
  let text = ''
  const settle = (right: boolean): void => {
    socket.off('data', take).off('close', broken)
    resolve({ ms: performance.now() - startedMs, right })
  }
  const take = (chunk: Buffer): void => {
    text += chunk.toString('latin1')
    const whole = wholeAnswer(text)
    if (whole !== undefined) settle(whole.status === 200 && whole.body === body)
  }
  const broken = (): void => settle(false)
  socket.on('data', take).once('close', broken)
  if (socket.destroyed) broken()
  else socket.write(request)
  return promise
}

/** Undefined: more is to come. Our origin and every proxy before it state a length. */
function wholeAnswer(text: string): { status: number; body: string } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0)
  const body = text.slice(end + 4)
  return body.length < length ? undefined : { status: Number(head.slice(9, 12)), body }
}

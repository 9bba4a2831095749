/** Clients of a gateway that is restarted or reloaded: an open-loop load, open WebSockets, event streams that resume. */
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { WebSocket } from 'ws'
import { nowMs, OpenLoop, type Outcome, type Shot } from '../open-loop.ts'

export interface VisitorsOptions {
  readonly url: string
  readonly perSecond: number
  readonly sockets: number
  readonly streams: number
}

/** What they saw. A failure is anything but a complete answer, a close frame 1001, or an end between two events. */
export interface Seen {
  requests: number
  readonly tookMs: number[]
  readonly failures: string[]
  /** WebSockets that were closed by a frame 1001. */
  partedSockets: number
  /** WebSockets that ended without one. */
  droppedSockets: number
  echoes: number
  /** Streams that ended between two events, and went on after the last one's number. */
  resumedStreams: number
  events: number
}

interface Numbered extends Shot {
  readonly expected: string
}

const socketPingMs = 50
const failuresKept = 1_000

export class Visitors implements AsyncDisposable {
  readonly seen: Seen = {
    requests: 0,
    tookMs: [],
    failures: [],
    partedSockets: 0,
    droppedSockets: 0,
    echoes: 0,
    resumedStreams: 0,
    events: 0,
  }
  readonly #url: string
  readonly #load: OpenLoop<Numbered>
  readonly #agent = new Agent({ bodyTimeout: 0 })
  readonly #ended = new AbortController()
  readonly #running: Promise<void>[]
  #count = 0

  constructor({ url, perSecond, sockets, streams }: VisitorsOptions) {
    this.#url = url
    this.#load = new OpenLoop<Numbered>({
      url,
      perSecond,
      connections: 64,
      // Below the notice of a restart: a connection that is idle for longer may be closed under the next request of it.
      idleMs: 500,
      next: () => this.#next(),
      seen: (outcome) => this.#judge(outcome),
    }).start()
    this.#running = [
      ...Array.from({ length: sockets }, () => this.#keepSocket()),
      ...Array.from({ length: streams }, () => this.#keepStream()),
    ]
  }

  /** Requests that failed, of any kind. */
  get failed(): number {
    return this.seen.failures.length
  }

  /** Sends no more and resolves when all is answered and closed. */
  async stop(): Promise<void> {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    await this.#load.stop()
    await Promise.all(this.#running)
    await this.#agent.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #next(): Numbered {
    const at = this.#count++
    const headers = { host: 'api.example.com' }
    if (at % 2 === 0) return { method: 'GET', path: `/v1/read/${at}`, headers, expected: 'GET ' }
    return { method: 'POST', path: '/v1/echo', headers, body: `write ${at}`, expected: `POST write ${at}` }
  }

  #judge({ shot, status, body, error, sentAt, answeredAt }: Outcome<Numbered>): void {
    this.seen.requests++
    this.seen.tookMs.push(answeredAt - sentAt)
    if (status === 200 && body === shot.expected) return
    this.#fail(`${shot.method} ${shot.path}: ${error ?? `${status} ${body.slice(0, 80)}`}`)
  }

  #fail(text: string): void {
    if (this.seen.failures.length < failuresKept) this.seen.failures.push(text)
  }

  async #keepSocket(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const code = await this.#openSocket()
      if (this.#ended.signal.aborted) return
      if (code === 1001) this.seen.partedSockets++
      else {
        this.seen.droppedSockets++
        this.#fail(`a WebSocket ended with ${code}`)
        await wait(socketPingMs)
      }
    }
  }

  /** Until it is closed: resolves with the code, 1006 when no close frame came. */
  #openSocket(): Promise<number> {
    const socket = new WebSocket(`${this.#url.replace('http', 'ws')}/v1/socket`, {
      headers: { host: 'api.example.com' },
    })
    const sent: string[] = []
    const ping = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return
      sent.push(`${nowMs()}`)
      socket.send(sent.at(-1) as string)
    }, socketPingMs)
    const end = (): void => socket.close(1000)
    this.#ended.signal.addEventListener('abort', end)
    return new Promise((resolve) => {
      socket.on('message', (data) => {
        this.seen.echoes++
        if (sent.shift() !== String(data)) this.#fail('a WebSocket lost or mixed up a message')
      })
      // What failed is told by the close that follows: 1006.
      socket.on('error', () => undefined)
      socket.on('close', (code) => {
        clearInterval(ping)
        this.#ended.signal.removeEventListener('abort', end)
        resolve(code)
      })
    })
  }

  async #keepStream(): Promise<void> {
    let last = 0
    for (let first = true; !this.#ended.signal.aborted; first = false) {
      const before = last
      const fault = await this.#readStream(last, (id) => {
        last = id
      })
      if (fault !== undefined && !this.#ended.signal.aborted) {
        this.#fail(`an event stream ${fault}`)
        await wait(socketPingMs)
      } else if (!first && last > before) this.seen.resumedStreams++
    }
  }

  /** Until it ends; undefined = after whole events in their order, else what was wrong. */
  async #readStream(after: number, onId: (id: number) => void): Promise<string | undefined> {
    let rest = ''
    let last = after
    try {
      const { statusCode, body } = await request(`${this.#url}/v1/events`, {
        dispatcher: this.#agent,
        signal: this.#ended.signal,
        headers: { host: 'api.example.com', ...(after === 0 ? {} : { 'last-event-id': String(after) }) },
      })
      if (statusCode !== 200) return `was answered ${statusCode}`
      for await (const chunk of body) {
        const events = (rest + String(chunk)).split('\n\n')
        rest = events.pop() ?? ''
        for (const event of events) {
          const id = Number(/^id: (\d+)$/m.exec(event)?.[1])
          if (id !== last + 1) return `went on with ${id} after ${last}`
          last = id
          this.seen.events++
          onId(id)
        }
      }
      return rest === '' ? undefined : `ended within the event ${JSON.stringify(rest.slice(0, 40))}`
    } catch (cause) {
      return `broke off: ${String(cause)}`
    }
  }
}

/** Each kind of failure once, the most frequent first, with how often it came. */
export function kindsOf(failures: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const failure of failures) {
    const kind = failure.replace(/\d+/g, 'N').slice(0, 120)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} x ${kind}`)
}

/** The value below which `share` of them are. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** The users of a storm: an open loop of GET and POST, and streams and sockets that are opened again and again. */
import { setTimeout as wait } from 'node:timers/promises'
import { Agent } from 'undici'
import { WebSocket } from 'ws'
import type { Random } from '../../../test/properties/generators/random.ts'
import type { User } from '../journey/users.ts'
import { nowMs, OpenLoop, type Outcome, type Shot } from '../open-loop.ts'
import type { Asked, StormRecord } from './storm-record.ts'

export interface StormLoadOptions {
  readonly url: string
  /** GET and POST; streams and sockets come on top. */
  readonly perSecond: number
  readonly streams: number
  readonly sockets: number
  readonly users: readonly User[]
  readonly random: Random
  readonly record: StormRecord
  /** Begins each write id: storms on one system are told apart by it. */
  readonly run: string
}

interface Call extends Shot {
  readonly user: User
  readonly writeId?: string
}

/** A stream or socket is left after so long, and another user opens one. */
const openMs = { least: 500, more: 2_500 } as const
const messageEveryMs = 100
/** Between two events, and for an echo: beyond it the tunnel counts as broken. */
const silenceMs = 5_000

export class StormLoad implements AsyncDisposable {
  readonly #options: StormLoadOptions
  readonly #loop: OpenLoop<Call>
  readonly #agent = new Agent({ bodyTimeout: silenceMs })
  readonly #ended = new AbortController()
  readonly #open: Promise<void>[]
  readonly #startedAt = nowMs()
  #count = 0
  #stopped: Promise<void> | undefined

  constructor(options: StormLoadOptions) {
    const { url, perSecond, streams, sockets, record } = options
    this.#options = options
    this.#loop = new OpenLoop<Call>({
      url,
      perSecond,
      next: () => this.#next(),
      seen: (outcome) => record.add(judged(outcome)),
    }).start()
    this.#open = [
      ...Array.from({ length: streams }, () => this.#again((user, forMs) => this.#stream(user, forMs))),
      ...Array.from({ length: sockets }, () => this.#again((user, forMs) => this.#socket(user, forMs))),
    ]
  }

  /** Requests of the open loop, sent to planned: below 1 the loader itself was late. */
  get sentShare(): number {
    return this.#loop.sent / Math.max(1, ((nowMs() - this.#startedAt) / 1_000) * this.#options.perSecond)
  }

  /** Sends no more; resolves when everything is answered and closed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #stop(): Promise<void> {
    this.#ended.abort()
    await this.#loop.stop()
    await Promise.all(this.#open)
    await this.#agent.destroy()
  }

  #next(): Call {
    const user = this.#user()
    const id = `${this.#options.run}-${this.#count}`
    const headers = headersOf(user)
    if (this.#options.random.below(100) < 60) return { user, method: 'GET', path: `/v1/storm/items/${id}`, headers }
    const writing = { ...headers, 'content-type': 'application/json', 'x-write-id': id }
    return { user, method: 'POST', path: '/v1/storm/items', headers: writing, body: `{"id":"${id}"}`, writeId: id }
  }

  #user(): User {
    const { users } = this.#options
    return users[this.#count++ % users.length] as User
  }

  async #again(once: (user: User, forMs: number) => Promise<Asked>): Promise<void> {
    const { random, record } = this.#options
    while (!this.#ended.signal.aborted) {
      const seen = await once(this.#user(), openMs.least + random.below(openMs.more))
      record.add(seen)
      // One that is refused at once must not be asked for without a pause.
      if (seen.fault !== undefined) await wait(messageEveryMs)
    }
  }

  async #stream(user: User, forMs: number): Promise<Asked> {
    const sentAt = nowMs()
    const leave = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(forMs)])
    let seen: Asked = { what: 'asked', kind: 'SSE', user: user.name, sentAt, answeredAt: sentAt, messages: 0 }
    try {
      const { statusCode, body } = await this.#agent.request({
        origin: this.#options.url,
        method: 'GET',
        path: '/v1/storm/events',
        headers: headersOf(user),
        signal: leave,
      })
      seen = { ...seen, answeredAt: nowMs() }
      if (statusCode !== 200) return { ...seen, fault: `${statusCode} ${(await body.text()).slice(0, 200)}` }
      let rest = ''
      for await (const chunk of body) {
        const events = (rest + String(chunk)).split('\n\n')
        rest = events.pop() ?? ''
        for (const event of events) {
          const [, id, site] = /^id: (\d+)\ndata: (\S+)$/.exec(event) ?? []
          const messages = (seen.messages ?? 0) + 1
          if (Number(id) !== messages || (seen.site ?? site) !== site) return { ...seen, fault: `sent ${event}` }
          seen = { ...seen, messages, site: site ?? '' }
        }
      }
      return { ...seen, fault: 'ended by itself' }
    } catch (cause) {
      // Left by us, as any reader leaves; before its first event there is nothing to judge.
      if (leave.aborted) return seen
      return { ...seen, fault: `broke off: ${String(cause)}` }
    }
  }

  async #socket(user: User, forMs: number): Promise<Asked> {
    const sentAt = nowMs()
    const seen = { what: 'asked', kind: 'WebSocket', user: user.name, sentAt } as const
    const socket = new WebSocket(`${this.#options.url.replace('http', 'ws')}/v1/storm/socket`, {
      headers: headersOf(user),
      handshakeTimeout: silenceMs,
    })
    const { promise: closed, resolve: end } = Promise.withResolvers<Asked>()
    const waiting: string[] = []
    let [answeredAt, messages] = [sentAt, 0]
    let site: string | undefined
    let fault: string | undefined
    let leaving = false
    const leave = (): void => {
      leaving = true
      socket.close(1000)
    }
    const timers = [
      setTimeout(leave, forMs),
      setInterval(() => {
        if (socket.readyState !== WebSocket.OPEN || leaving) return
        waiting.push(`${messages}-${waiting.length}`)
        socket.send(waiting.at(-1) as string)
      }, messageEveryMs),
    ]
    this.#ended.signal.addEventListener('abort', leave, { once: true })
    socket.on('message', (said) => {
      messages++
      if (site === undefined) [site, answeredAt] = [String(said), nowMs()]
      else if (waiting.shift() !== String(said)) fault = 'lost or mixed up a message'
    })
    socket.on('error', (cause) => {
      // Leaving while it opens is told as an error, too.
      if (!leaving) fault = String(cause)
    })
    socket.on('close', (code) => {
      if (!leaving) fault ??= `closed with ${code}`
      for (const timer of timers) clearTimeout(timer)
      this.#ended.signal.removeEventListener('abort', leave)
      end({ ...seen, answeredAt, messages, ...(site && { site }), ...(fault && { fault }) })
    })
    return closed
  }
}

function judged({ shot, sentAt, answeredAt, status, body, error }: Outcome<Call>): Asked {
  const { user, writeId, method } = shot
  const said = jsonOf(body)
  const fault =
    error ??
    (status !== (method === 'POST' ? 201 : 200)
      ? `${status} ${body.slice(0, 200)}`
      : said['consumer'] !== user.name || said['writeId'] !== writeId
        ? `the answer of ${String(said['consumer'])} to ${String(said['writeId'])}`
        : undefined)
  return {
    what: 'asked',
    kind: method === 'POST' ? 'POST' : 'GET',
    user: user.name,
    sentAt,
    answeredAt,
    ...(writeId && { writeId }),
    ...(typeof said['site'] === 'string' && { site: said['site'] }),
    ...(fault && { fault }),
  }
}

function jsonOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body))
  } catch {
    // Its status, or what is missing in it, says what is wrong.
    return {}
  }
}

function headersOf({ token, device }: User): Record<string, string> {
  return { authorization: `Bearer ${token}`, 'x-device-id': device }
}

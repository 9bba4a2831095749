import { setTimeout as pause } from 'node:timers/promises'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { DeadLetter, EventSink, EventSource, Message, SourceStatus } from './event-source.ts'

const deliveryLimit = 5
const keptLimit = 10_000
const againMs = 50

/** Events in the memory of this process: the shipped fake of the port, and where a gateway embedded in a test gets them. */
export class MemorySource implements EventSource {
  readonly name = 'memory'
  readonly #clock: Clock
  readonly #background: Background
  readonly #kept: Message[] = []
  readonly #dead: DeadLetter[] = []
  readonly #waiting: Message[] = []
  #sink: EventSink | undefined
  #count = 0
  #working = false
  #closed = false

  constructor(options: { readonly clock: Clock; readonly background: Background }) {
    this.#clock = options.clock
    this.#background = options.background
  }

  /** One message more; the oldest is forgotten beyond ten thousand. */
  add(text: string): string {
    const atMs = this.#clock.now()
    const id = `${atMs}-${++this.#count}`
    this.#kept.push({ id, text, atMs })
    if (this.#kept.length > keptLimit) this.#kept.shift()
    this.#waiting.push({ id, text, atMs })
    this.#work()
    return id
  }

  start(sink: EventSink): void {
    this.#sink = sink
    this.#work()
  }

  status(): SourceStatus {
    const [oldest] = this.#waiting
    return {
      state: 'reading',
      since: 0,
      length: this.#kept.length,
      lag: this.#waiting.length,
      pending: this.#working ? 1 : 0,
      oldestPendingMs: oldest === undefined ? 0 : this.#clock.now() - oldest.atMs,
      dead: this.#dead.length,
      consumers: [],
    }
  }

  async dead(limit: number): Promise<readonly DeadLetter[]> {
    return this.#dead.slice(-limit).toReversed()
  }

  async retry(id: string): Promise<'queued' | 'unknown'> {
    const at = this.#dead.findIndex((letter) => letter.id === id)
    const [letter] = at < 0 ? [] : this.#dead.splice(at, 1)
    if (letter?.text === undefined) return 'unknown'
    this.add(letter.text)
    return 'queued'
  }

  async range(fromMs: number, toMs: number, limit: number, after?: string): Promise<readonly Message[]> {
    const start = after === undefined ? 0 : this.#kept.findIndex(({ id }) => id === after) + 1
    const isMeant = ({ atMs }: Message) => atMs >= fromMs && atMs <= toMs
    return this.#kept.slice(start).filter(isMeant).slice(0, limit)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #work(): void {
    if (this.#working || this.#sink === undefined) return
    this.#working = true
    this.#background.run('read events', this.#drain(this.#sink))
  }

  async #drain(sink: EventSink): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined && !this.#closed; next = this.#waiting[0]) {
      await this.#bring(sink, next)
      this.#waiting.shift()
    }
    this.#working = false
  }

  async #bring(sink: EventSink, message: Message): Promise<void> {
    for (let deliveries = 1; !this.#closed; ) {
      const { kind, because } = await taken(sink, message)
      if (kind === 'applied') return
      if (kind === 'dead' || (kind === 'failed' && deliveries === deliveryLimit))
        return this.#bury({ id: message.id, was: message.id, because, deliveries, text: message.text })
      if (kind === 'failed') deliveries++
      await pause(againMs)
    }
  }

  #bury(letter: DeadLetter): void {
    this.#dead.push(letter)
    if (this.#dead.length > keptLimit) this.#dead.shift()
  }
}

async function taken(sink: EventSink, message: Message): Promise<{ readonly kind: string; readonly because: string }> {
  try {
    return { because: '', ...(await sink.take(message)) }
  } catch (cause) {
    return { kind: 'failed', because: String(cause) }
  }
}

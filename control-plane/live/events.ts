import type { ConsoleEvent } from '../api-client/schema.ts'
import { problems } from '../errors.ts'
import type { EventStream } from './event-stream.ts'

const resumable = 10_000
const streamLimit = 200
/** Events that one slow console may have waiting before it is cut off. */
const behindLimit = 256

interface Kept {
  readonly id: number
  readonly event: ConsoleEvent
}

interface Listener {
  readonly stream: EventStream
  behind: number
}

/** One stream of changes for all consoles. Ids are sequences of the audit, so a console resumes where it broke off. */
export class Events {
  readonly #kept: Kept[] = []
  readonly #listeners = new Set<Listener>()

  /** Tells everybody. With `id` it is kept for those who come back: give the sequence of its audit entry. */
  tell(event: ConsoleEvent, id?: number): void {
    if (id !== undefined) {
      this.#kept.push({ id, event })
      if (this.#kept.length > resumable) this.#kept.shift()
    }
    const data = JSON.stringify(event)
    for (const listener of this.#listeners) this.#send(listener, event.type, data, id)
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** `lastId`: the last event that the console saw; what it missed comes first, or `reset` when that is not kept any more. */
  attach(stream: EventStream, lastId: number | undefined, newest: number): void {
    const listener: Listener = { stream, behind: 0 }
    stream.onDrain(() => {
      listener.behind = 0
    })
    stream.onClose(() => this.#listeners.delete(listener))
    if (lastId !== undefined && lastId !== newest) {
      const missed = this.#kept.filter(({ id }) => id > lastId)
      const whole = missed.length > 0 && this.#kept.some(({ id }) => id <= lastId)
      if (whole) for (const { id, event } of missed) this.#send(listener, event.type, JSON.stringify(event), id)
      else stream.send('reset', JSON.stringify({ type: 'reset' }), newest)
    }
    if (stream.open) this.#listeners.add(listener)
  }

  /** Throws `streams-exhausted` when no further console can be served. */
  checkRoom(): void {
    if (this.#listeners.size >= streamLimit) throw problems['streams-exhausted']({ limit: streamLimit })
  }

  close(): void {
    for (const { stream } of this.#listeners) stream.end()
    this.#listeners.clear()
  }

  #send(listener: Listener, type: string, data: string, id: number | undefined): void {
    const { stream } = listener
    if (stream.send(type, data, id)) return
    listener.behind++
    if (listener.behind > behindLimit) stream.cut()
  }
}

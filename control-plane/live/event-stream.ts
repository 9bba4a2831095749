import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

/** One stream of server-sent events (WHATWG HTML, section 9.2) on a reply that Fastify gives up. */
export class EventStream {
  readonly #response: ServerResponse
  #ping: NodeJS.Timeout | undefined

  /** `pingMs`: a comment this often, so that both ends notice a dead connection. */
  constructor(reply: FastifyReply, pingMs: number) {
    reply.hijack()
    this.#response = reply.raw
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    this.comment('open')
    this.#ping = setInterval(() => this.comment('ping'), pingMs).unref()
    this.onClose(() => clearInterval(this.#ping))
  }

  /** False when the other side does not keep up: the text waits in memory until `onDrain`. */
  send(event: string, data: string, id?: number): boolean {
    const text = `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`
    return this.open && this.#response.write(text)
  }

  comment(text: string): void {
    if (this.open && !this.#response.writableNeedDrain) this.#response.write(`: ${text}\n\n`)
  }

  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed
  }

  get behind(): boolean {
    return this.#response.writableNeedDrain
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener)
  }

  /** At once when the other side left before anybody asked: it would be counted as there for ever. */
  onClose(listener: () => void): void {
    if (this.#response.destroyed) listener()
    else this.#response.once('close', listener)
  }

  end(): void {
    this.#response.end()
  }

  /** For one that does not keep up: it connects again and gets the present state. */
  cut(): void {
    this.#response.destroy()
  }
}

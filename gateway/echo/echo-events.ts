import { echoEventMs } from '#routes/echo.ts'
import type { BodySink, BodyStream } from '../answer.ts'

const events = 3

/** An event stream of three texts, each made when it is sent: whoever holds streams back gives them all at once. */
export class EchoEvents implements BodyStream {
  readonly #text: () => string
  #timer: NodeJS.Timeout | undefined

  constructor(text: () => string) {
    this.#text = text
  }

  flow(sink: BodySink): void {
    let sent = 0
    const send = (): void => {
      const event = Buffer.from(`id: ${++sent}\ndata: ${this.#text()}\n\n`)
      if (sent === events) {
        sink.end(event)
        return
      }
      // Three short events: a client that reads none of them has them all in its socket.
      sink.write(event)
      this.#timer = setTimeout(send, echoEventMs)
    }
    send()
  }

  resume(): void {}

  cancel(): void {
    clearTimeout(this.#timer)
  }
}

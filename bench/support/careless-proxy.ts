/** A proxy without guards: it believes each length, and reads what is left on a connection as the next answer. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CarelessProxy extends AsyncDisposable {
  readonly url: string
}

/** For the negative control: what goes wrong here is what the gateway's guards prevent. */
export async function startCarelessProxy(service: string): Promise<CarelessProxy> {
  const port = Number(new URL(service).port)
  const idle: Line[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client)).on('error', () => {})
    client.on('data', (request) => {
      const line = idle.pop() ?? new Line(port)
      line.ask(request, (answer) => {
        if (answer === undefined) client.destroy()
        else {
          client.write(answer)
          idle.push(line)
        }
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const line of idle) line.end()
      for (const socket of sockets) socket.destroy()
      if (sockets.size > 0) await once(server, 'close')
    },
  }
}

class Line {
  readonly #socket: Socket
  #left = Buffer.alloc(0)
  #answered: ((answer: Buffer | undefined) => void) | undefined

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk) => {
      this.#left = Buffer.concat([this.#left, chunk])
      this.#look()
    })
    this.#socket.on('error', () => {})
    this.#socket.once('close', () => this.#answer(undefined))
    this.#socket.setTimeout(200, () => this.#answered !== undefined && this.#socket.destroy())
  }

  ask(request: Buffer, answered: (answer: Buffer | undefined) => void): void {
    this.#answered = answered
    if (this.#socket.destroyed) this.#answer(undefined)
    else this.#socket.write(request)
    this.#look()
  }

  end(): void {
    this.#socket.destroy()
  }

  #look(): void {
    const end = this.#left.indexOf('\r\n\r\n')
    if (end < 0 || this.#answered === undefined) return
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#left.toString('latin1', 0, end))?.[1] ?? 0)
    if (this.#left.length < end + 4 + length) return
    const answer = this.#left.subarray(0, end + 4 + length)
    this.#left = this.#left.subarray(end + 4 + length)
    this.#answer(answer)
  }

  #answer(answer: Buffer | undefined): void {
    const answered = this.#answered
    this.#answered = undefined
    answered?.(answer)
  }
}

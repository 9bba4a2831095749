/** A service that answers each request by the script of its case, byte for byte, and keeps what it got. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Reply } from './case.ts'
import { type Field, readField, written } from './wire-lines.ts'

export interface Received {
  readonly line: string
  readonly fields: readonly Field[]
}

export interface Sent {
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string
}

/** To a request that should not have come: it can be stored, so that Cache-Status says why it was made and not why it was refused. */
const unasked: Reply = { headers: ['Cache-Control: max-age=60'] }

/** One run of one case: the runner says which step it is at, and reads what came. */
export class Script {
  readonly path: string
  readonly url: string
  #step = 0
  #replies: readonly Reply[] = []
  #received: Received[][] = []
  #sent: Sent[][] = []

  constructor(path: string, host: string) {
    this.path = path
    this.url = `http://${host}${path}`
  }

  begin(step: number, replies: readonly Reply[]): void {
    this.#step = step
    this.#replies = replies
    this.#received[step] = []
    this.#sent[step] = []
  }

  received(step: number): readonly Received[] {
    return this.#received[step] ?? []
  }

  /** The last thing said in that step. */
  sent(step: number): Sent | undefined {
    return this.#sent[step]?.at(-1)
  }

  /** What to answer to a request that came now. */
  take(received: Received): { reply: Reply; head: string; body: string; interim: string } {
    const step = this.#step
    const count = this.#received[step]?.push(received) ?? 1
    const reply = this.#replies[count - 1] ?? this.#replies.at(-1) ?? unasked
    const status = reply.status ?? 200
    const nowMs = Date.now()
    const address = { path: this.path, url: this.url }
    const lines = written(reply.headers ?? [], nowMs, address)
    if (reply.date !== false && !lines.some((line) => /^date:/i.test(line)))
      lines.push(...written(['Date: {now}'], nowMs, address))
    const body = status === 204 || status === 304 ? '' : (reply.body ?? `step ${step}`)
    this.#sent[step]?.push({ status, fields: lines.map(readField), body })
    const framing =
      status === 204 || status === 304
        ? []
        : reply.framing === 'chunked' || reply.trailers !== undefined
          ? ['Transfer-Encoding: chunked']
          : [`Content-Length: ${body.length}`]
    const interim = (reply.interim ?? []).map(
      (one) => `HTTP/1.1 ${one.status} Interim\r\n${one.headers.map((line) => `${line}\r\n`).join('')}\r\n`,
    )
    const head = `HTTP/1.1 ${status} Scripted\r\n${[...lines, ...framing].map((line) => `${line}\r\n`).join('')}\r\n`
    return { reply, head, body, interim: interim.join('') }
  }
}

export interface ScriptedOrigin extends AsyncDisposable {
  readonly port: number
  /** Requests whose path begins with the script's are answered by it. */
  add(script: Script): void
  remove(script: Script): void
}

export async function startScriptedOrigin(): Promise<ScriptedOrigin> {
  const scripts = new Map<string, Script>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).on('error', () => {})
    socket.setNoDelay(true)
    serve(socket, (line) => scripts.get(keyOf(line.split(' ')[1] ?? '')))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    add: (script) => void scripts.set(keyOf(script.path), script),
    remove: (script) => void scripts.delete(keyOf(script.path)),
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** The third segment: `/strict/plain/f1-3/more?x` belongs to `f1-3` of `strict`. */
function keyOf(target: string): string {
  const [, profile = '', , name = ''] = target.split(/[/?]/)
  return `${profile}/${name}`
}

/** Requests one after the other, as they come on a connection. */
function serve(socket: Socket, scriptOf: (line: string) => Script | undefined): void {
  let waiting = ''
  let busy = false
  const look = (): void => {
    const request = busy ? undefined : takeRequest(waiting)
    if (request === undefined) return
    waiting = request.rest
    busy = true
    answer(socket, scriptOf(request.received.line), request.received, () => {
      busy = false
      look()
    })
  }
  socket.on('data', (chunk) => {
    waiting += chunk.toString('latin1')
    look()
  })
}

function takeRequest(text: string): { received: Received; rest: string } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...lines] = text.slice(0, end).split('\r\n')
  const fields = lines.map(readField)
  const value = (name: string) => fields.find((field) => field.name.toLowerCase() === name)?.value
  let bodyEnd = end + 4 + Number(value('content-length') ?? 0)
  if (value('transfer-encoding') !== undefined) {
    const last = text.indexOf('0\r\n\r\n', end + 4)
    if (last < 0) return undefined
    bodyEnd = last + 5
  }
  return text.length < bodyEnd ? undefined : { received: { line, fields }, rest: text.slice(bodyEnd) }
}

function answer(socket: Socket, script: Script | undefined, received: Received, done: () => void): void {
  if (script === undefined) {
    socket.write('HTTP/1.1 599 No Script\r\nContent-Length: 0\r\n\r\n')
    done()
    return
  }
  const { reply, head, body, interim } = script.take(received)
  if (reply.reset === true) {
    socket.resetAndDestroy()
    return
  }
  const write = (): void => {
    if (interim !== '') socket.write(interim, 'latin1')
    const bare = received.line.startsWith('HEAD ') || reply.status === 204 || reply.status === 304
    socket.write(bare ? head : head + framed(reply, body), 'latin1')
    if (reply.cutAfter === undefined) done()
    // After what was written has left: a reset at once could overtake it.
    else setTimeout(() => socket.destroy(), 50)
  }
  if (reply.delayMs === undefined) write()
  else setTimeout(write, reply.delayMs)
}

function framed({ cutAfter, framing, trailers, surplus = '' }: Reply, body: string): string {
  const part = body.slice(0, cutAfter)
  if (framing !== 'chunked' && trailers === undefined) return part + surplus
  const chunks = part.length === 0 ? '' : `${part.length.toString(16)}\r\n${part}\r\n`
  const end = `0\r\n${(trailers ?? []).map((line) => `${line}\r\n`).join('')}\r\n`
  return chunks + (cutAfter === undefined ? end : '')
}

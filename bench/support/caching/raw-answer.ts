/** A client of its own: it writes exact bytes and reads answers by the framing that they tell. */
import { connect } from 'node:net'
import { type Field, readField, valuesOf } from './wire-lines.ts'

export interface RawAnswer {
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string
  /** It ended before its framing said so. */
  readonly broken: boolean
  readonly interim: readonly { readonly status: number; readonly fields: readonly Field[] }[]
}

const limitMs = 15_000

/** Sends one request on a connection of its own. Rejects when there is no head of an answer in 15 s. */
export function ask(port: number, request: string, method: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = ''
    const finish = (ended: boolean): void => {
      const answer = readAnswer(received, method, ended)
      if (answer === undefined && !ended) return
      clearTimeout(timer)
      socket.destroy()
      if (answer === undefined) reject(new Error(`no answer: ${JSON.stringify(received.slice(0, 200))}`))
      else resolve(answer)
    }
    const timer = setTimeout(() => finish(true), limitMs)
    // An error is an end too; the close that follows it is judged.
    socket.on('error', () => {})
    socket.once('close', () => finish(true))
    socket.once('end', () => finish(true))
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      finish(false)
    })
    socket.write(Buffer.from(request, 'latin1'))
  })
}

function readAnswer(text: string, method: string, ended: boolean): RawAnswer | undefined {
  const interim: { status: number; fields: Field[] }[] = []
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end < 0) return undefined
    const [line = '', ...lines] = text.slice(at, end).split('\r\n')
    const status = Number(line.split(' ')[1])
    const fields = lines.map(readField)
    at = end + 4
    if (status >= 200) {
      const body = readBody(text.slice(at), fields, method === 'HEAD' || status === 204 || status === 304, ended)
      return body === undefined ? undefined : { status, fields, ...body, interim }
    }
    interim.push({ status, fields })
  }
}

type Body = Pick<RawAnswer, 'body' | 'broken'>

function readBody(rest: string, fields: readonly Field[], bare: boolean, ended: boolean): Body | undefined {
  if (bare) return { body: '', broken: false }
  if (valuesOf(fields, 'transfer-encoding').length > 0) return readChunks(rest, ended)
  const length = valuesOf(fields, 'content-length')[0]
  if (length === undefined) return ended ? { body: rest, broken: false } : undefined
  if (rest.length >= Number(length)) return { body: rest.slice(0, Number(length)), broken: false }
  return ended ? { body: rest, broken: true } : undefined
}

function readChunks(rest: string, ended: boolean): Body | undefined {
  let body = ''
  let at = 0
  for (;;) {
    const lineEnd = rest.indexOf('\r\n', at)
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(rest.slice(at, lineEnd), 16)
    const end = lineEnd + 2 + size
    if (size === 0 && rest.indexOf('\r\n\r\n', lineEnd) >= 0) return { body, broken: false }
    if (!(size > 0) || rest.length < end + 2) return ended ? { body, broken: true } : undefined
    body += rest.slice(lineEnd + 2, end)
    at = end + 2
  }
}

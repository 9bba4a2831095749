import { hash } from 'node:crypto'
import { Duplex } from 'node:stream'
import type { Answer } from '../answer.ts'

/** RFC 6455 section 1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const finalText = 0x81
/** Close, two bytes, 1000: done. */
const close = [0x88, 2, 0x03, 0xe8]

/** A WebSocket that says one text and closes; what its client says is read and dropped. `key`: its Sec-WebSocket-Key. */
export function echoSocket(key: string, text: string): Answer {
  const payload = Buffer.from(text)
  const tunnel = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  tunnel.push(Buffer.concat([frameHead(payload.length), payload, Buffer.from(close)]))
  tunnel.push(null)
  const accept = hash('sha1', key + guid, 'base64')
  const headers = ['upgrade', 'websocket', 'connection', 'Upgrade', 'sec-websocket-accept', accept]
  return { status: 101, reason: '', headers, body: undefined, tunnel }
}

/** Section 5.2: a server's frames are not masked. */
function frameHead(length: number): Buffer {
  if (length < 126) return Buffer.from([finalText, length])
  if (length < 0x1_00_00) return Buffer.from([finalText, 126, length >> 8, length & 0xff])
  const head = Buffer.alloc(10)
  head[0] = finalText
  head[1] = 127
  head.writeBigUInt64BE(BigInt(length), 2)
  return head
}

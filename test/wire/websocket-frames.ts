import { createHash } from 'node:crypto'
import type { WireEnd } from './wire-end.ts'

/** RFC 6455 section 5.2, as much of it as conversations need. */
export interface Frame {
  readonly opcode: number
  readonly payload: string
  /** False for a fragment that another follows. */
  readonly final: boolean
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const mask = [1, 2, 3, 4]

/** What a client sends is masked. */
export function frame(opcode: number, payload: string, { masked = false, final = true } = {}): string {
  const { length } = payload
  const size = length < 126 ? [length] : length < 65_536 ? [126, length >> 8, length & 255] : [127, ...bytesOf(length)]
  const [first = 0, ...rest] = size
  const head = [(final ? 128 : 0) | opcode, (masked ? 128 : 0) | first, ...rest, ...(masked ? mask : [])]
  return String.fromCharCode(...head) + (masked ? unmasked(payload, mask) : payload)
}

export async function readFrame(end: WireEnd): Promise<Frame> {
  const [first = 0, second = 0] = codes(await end.bytes(2))
  const short = second & 127
  const length = short < 126 ? short : Number(`0x${hex(await end.bytes(short === 126 ? 2 : 8))}`)
  const key = second & 128 ? codes(await end.bytes(4)) : undefined
  const payload = await end.bytes(length)
  return { opcode: first & 15, final: first > 127, payload: key ? unmasked(payload, key) : payload }
}

/** A close frame's payload: its code, then its reason. */
export function closing(code: number, reason = ''): string {
  return String.fromCharCode(code >> 8, code & 255) + reason
}

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

function bytesOf(length: number): number[] {
  return [0, 0, 0, 0, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255]
}

function unmasked(payload: string, key: readonly number[]): string {
  const bytes = codes(payload).map((code, at) => code ^ (key[at & 3] ?? 0))
  return Buffer.from(bytes).toString('latin1')
}

const codes = (text: string) => [...Buffer.from(text, 'latin1')]
const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex')

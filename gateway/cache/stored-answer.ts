import type { Answer } from '../answer.ts'

/** A stored answer: its head as JSON behind a length, then the body's bytes. */
export interface StoredAnswer {
  readonly status: number
  readonly reason: string
  readonly headers: readonly string[]
  /** Unix ms at which it was fetched, for Age. */
  readonly fetchedAtMs: number
  readonly body: Buffer
}

const version = 1

export function encodeAnswer({ status, reason, headers }: Answer, body: Buffer, fetchedAtMs: number): Buffer {
  const head = Buffer.from(JSON.stringify([version, status, reason, fetchedAtMs, headers]), 'utf8')
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(head.length)
  return Buffer.concat([length, head, body])
}

/** Undefined for anything that this release would not have written: a miss, never a broken answer. */
export function decodeAnswer(bytes: Buffer): StoredAnswer | undefined {
  if (bytes.length < 4) return undefined
  const end = 4 + bytes.readUInt32BE(0)
  if (end > bytes.length) return undefined
  try {
    const head: unknown = JSON.parse(bytes.toString('utf8', 4, end))
    if (!Array.isArray(head) || head[0] !== version) return undefined
    const [, status, reason, fetchedAtMs, headers] = head as [1, number, string, number, string[]]
    return { status, reason, headers, fetchedAtMs, body: bytes.subarray(end) }
  } catch {
    // Foreign bytes under our key.
    return undefined
  }
}

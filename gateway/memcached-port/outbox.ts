import type { Writable } from 'node:stream'
import type { Answer } from './answer.ts'

/** Values from this size on are handed to the socket as they are; smaller ones are joined, which is the cheaper way. */
const apartFromBytes = 16 * 1024

/** The answers of one turn of the event loop, joined into as few writes as that takes. */
export class Outbox {
  #parts: (string | Buffer)[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(answer: Answer): void {
    if (typeof answer === 'string') this.#add(answer)
    else for (const part of answer) this.#add(part)
  }

  /** Returns how many bytes went out. */
  flush(to: Writable): number {
    const bytes = this.#bytes
    if (bytes === 0) return 0
    to.cork()
    let from = 0
    for (let at = 0; at < this.#parts.length; at++) {
      const part = this.#parts[at]
      if (!Buffer.isBuffer(part) || part.length < apartFromBytes) continue
      if (at > from) to.write(joined(this.#parts, from, at))
      to.write(part)
      from = at + 1
    }
    if (from < this.#parts.length) to.write(joined(this.#parts, from, this.#parts.length))
    to.uncork()
    this.#parts = []
    this.#bytes = 0
    return bytes
  }

  #add(part: string | Buffer): void {
    if (part.length === 0) return
    this.#parts.push(part)
    this.#bytes += part.length
  }
}

export function bytesOf(answer: Answer): number {
  if (typeof answer === 'string') return answer.length
  let bytes = 0
  for (const part of answer) bytes += part.length
  return bytes
}

function joined(parts: readonly (string | Buffer)[], from: number, to: number): Buffer {
  let bytes = 0
  for (let at = from; at < to; at++) bytes += parts[at]?.length ?? 0
  const whole = Buffer.allocUnsafe(bytes)
  let filled = 0
  for (let at = from; at < to; at++) {
    const part = parts[at] as string | Buffer
    filled += typeof part === 'string' ? whole.write(part, filled, 'latin1') : part.copy(whole, filled)
  }
  return whole
}

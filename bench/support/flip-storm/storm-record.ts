/** What the loader writes down, one JSON line each: with the services' files it is all that the audit reads. */
import { closeSync, openSync, writeSync } from 'node:fs'

export type Kind = 'GET' | 'POST' | 'SSE' | 'WebSocket'
export const kinds: readonly Kind[] = ['GET', 'POST', 'SSE', 'WebSocket']

/** A request, stream or socket of one user. Times are ms since 1970, with fractions. */
export interface Asked {
  readonly what: 'asked'
  readonly kind: Kind
  readonly user: string
  readonly sentAt: number
  /** When its answer, or the first of it, was there. */
  readonly answeredAt: number
  /** Who answered, as the answer says. */
  readonly site?: string
  readonly writeId?: string
  /** Events or messages that came. */
  readonly messages?: number
  /** Why its user would complain. */
  readonly fault?: string
}

/** A flip or a rollback. */
export interface Changed {
  readonly what: 'changed'
  readonly name: string
  readonly calledAt: number
  /** When the control plane had answered that every gateway holds it. */
  readonly heldAt: number
  readonly epoch: number
  /** The site of all writes. */
  readonly writes: string
  /** The site of all reads; absent = they are split. */
  readonly reads?: string
  readonly fault?: string
}

export type Line = Asked | Changed

export class StormRecord implements Disposable {
  readonly #fd: number

  constructor(file: string) {
    this.#fd = openSync(file, 'a', 0o600)
  }

  add(line: Line): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`)
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

import type { Stamp } from './cache-store.ts'
import type { Answer, SetFlags, Wanted } from './meta-protocol.ts'
import type { Failure } from './node-connection.ts'

export interface NodeAddress {
  readonly host: string
  readonly port: number
}

export type Reply = Answer | Failure

/**
 * PORT: one memcached node, whatever it speaks. Operations are answered in the order in which they were submitted, each within
 * its deadline (ms) or with a failure; one connection is used at a time, and what was lost with it is not asked again.
 */
export interface StoreNode {
  readonly address: NodeAddress
  get(key: string, wanted: Wanted, deadlineMs: number): Promise<Reply>
  /** `head` and `body` are the value; both must stay as they are until the reply. */
  set(key: string, head: Buffer, body: Buffer, flags: SetFlags, deadlineMs: number): Promise<Reply>
  delete(key: string, cas: string | undefined, deadlineMs: number): Promise<Reply>
  /** Gives whatever is there another life; the answer tells its cas. */
  touch(key: string, ttlSeconds: number, deadlineMs: number): Promise<Reply>
  /** Operations are being answered, as far as this process knows. */
  readonly isUp: boolean
  /** Resolves when it is connected for the first time, or closed. */
  readonly opened: Promise<void>
  /** Unix ms of the start of the process behind the connection; undefined: never connected. */
  readonly startedAtMs: number | undefined
  /** Since when this connection has stood, so that the node cannot have lost everything; undefined: it does not. */
  readonly connectedAt: Stamp | undefined
  /** Grows with each write to the node. Two reads that were submitted at the same count are answered together. */
  readonly flushes: number
  /** Bytes of the largest item that the node takes, its own head and the key included. */
  readonly itemSizeMax: number
  /** A set answers with the cas of what it stored. */
  readonly tellsCas: boolean
  /** A get tells the time that is left. Where not, the value must say it itself. */
  readonly tellsTtl: boolean
  close(): void
}

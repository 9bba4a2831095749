import type { DifferenceName } from './documented-differences.ts'
import type { Memory } from './edge-memory.ts'
import type { WireEnd } from './wire-end.ts'

/** What must come to both ends the same, direct and through the edge. */
export type WireCase = BytesCase | TalkCase

/** One request and its answer as bytes, one character each: what old clients and odd services really send. */
export interface BytesCase {
  readonly name: string
  readonly request: string
  readonly answer: string
  /** The origin ends its answer by closing the connection. */
  readonly closes?: true
  /** The edge answers this by itself, and the origin hears nothing. */
  readonly refused?: { readonly as: DifferenceName; readonly status: number }
  /** The client reads this status from the edge, although the origin answered. */
  readonly spoilt?: { readonly as: DifferenceName; readonly status: number }
  /** The origin reads this target. */
  readonly leavesAs?: { readonly as: DifferenceName; readonly target: string }
}

/** A scripted conversation over bare connections: who goes when, what is held back, how fast it comes. */
export interface TalkCase {
  readonly name: string
  /** Says both parts; gives what they saw, which must be the same both ways. */
  readonly talk: (line: Line) => Promise<readonly string[]>
  /** What they see through the edge instead. */
  readonly instead?: { readonly as: DifferenceName; readonly saw: readonly string[] }
}

/** What lies between the two parts of a conversation. */
export interface Line {
  /** A new connection of a client: to the origin itself, or to the edge. */
  client(): Promise<WireEnd>
  /** The next connection that the origin accepts. */
  origin(): Promise<WireEnd>
  /** How much a stream carries in this run. */
  readonly streamBytes: number
  /** A second, as this run counts it: shorter where many tests wait. */
  readonly secondMs: number
  /** Connections that the origin accepted in this conversation. */
  readonly connections: number
  /** What the edge held in memory while `work` ran; nothing without an edge. */
  memoryDuring(work: () => Promise<unknown>): Promise<Memory>
  /** A figure for the table of a proof: nothing depends on it. */
  note(figure: string): void
}

export const host = 'Host: api.example.com'
/** A host that lets targets pass which could be read as another path. */
export const legacyHost = 'Host: old.example.com'

export const head = (...lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`

export const get = (target: string, ...more: readonly string[]) => head(`GET ${target} HTTP/1.1`, host, ...more)

export const send = (method: string, content: string, ...more: readonly string[]) =>
  head(`${method} /v1/orders HTTP/1.1`, host, `Content-Length: ${content.length}`, ...more) + content

export const sendChunked = (method: string, chunks: string, ...more: readonly string[]) =>
  head(`${method} /v1/orders HTTP/1.1`, host, 'Transfer-Encoding: chunked', ...more) + chunks

export const answer = (status: string, content: string, ...more: readonly string[]) =>
  head(`HTTP/1.1 ${status}`, `Content-Length: ${content.length}`, ...more) + content

export const fine = answer('200 OK', 'fine', 'Content-Type: text/plain')

/** Bytes as text, one character each. */
export const characters = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** Every byte there is, so many times. */
export const everyByte = (times: number) => characters(Uint8Array.from({ length: 256 }, (_, at) => at)).repeat(times)

import type { Duplex } from 'node:stream'
import type { Problem } from '#routes/problem.ts'
import type { HeaderPairs } from './header-pairs.ts'

/** Where an answer's body flows to. */
export interface BodySink {
  /** False: hold back until `BodyStream.resume` is called. */
  write(chunk: Buffer): boolean
  /**
   * The clean end, with the last bytes where they are at hand: a small answer then leaves in one write. Empty trailers: there were
   * some that do not pass.
   */
  end(last?: Buffer, trailers?: HeaderPairs): void
  /** The body will not be whole. The receiver must not make it look so. */
  fail(cause: unknown): void
}

/** A body on its way: it begins to flow when a sink is given, once. */
export interface BodyStream {
  flow(sink: BodySink): void
  /** After `write` gave false. */
  resume(): void
  /** Nobody wants the rest. */
  cancel(cause: Error): void
}

/** What a client gets. Phases on the way back may add to `headers`; all else is replaced by a new answer. */
export interface Answer {
  readonly status: number
  /** Reason phrase; '' = the usual one of the status. */
  readonly reason: string
  readonly headers: HeaderPairs
  readonly body: Buffer | BodyStream | undefined
  /** With status 101: bytes flow both ways from now on. Whoever answers to the client joins its socket to this one. */
  readonly tunnel?: Duplex
  /** An event stream: it may be ended between two events, and its client comes again. */
  readonly events?: true
  /** Connection as the service wrote it, where it may name fields of the answer; told on routes with a cache alone. */
  readonly connection?: string
  /** Whether bytes came right behind it that are no part of it; known a turn after its end, told on routes with a cache alone. */
  readonly surplus?: () => boolean
  /** Set when the gateway itself refused or failed: its code is the log's reason. */
  readonly problem?: Problem
  /** The connection is not used again: its framing can no longer be trusted. */
  readonly close?: boolean
}

export function isStream(body: Answer['body']): body is BodyStream {
  return body !== undefined && !Buffer.isBuffer(body)
}

/** A body wrapped so that another sink sees it first; flow control and cancellation reach the source. */
export function through(source: BodyStream, wrap: (sink: BodySink) => BodySink): BodyStream {
  return {
    flow: (sink) => source.flow(wrap(sink)),
    resume: () => source.resume(),
    cancel: (cause) => source.cancel(cause),
  }
}

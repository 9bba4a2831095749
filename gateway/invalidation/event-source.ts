/** One message of a source, as it came. */
export interface Message {
  /** By which the source knows it: unique in it, and later ones sort later. */
  readonly id: string
  /** A CloudEvent, a batch of them or a change record, as JSON. */
  readonly text: string
  /** When the source took it, Unix ms. */
  readonly atMs: number
}

/**
 * `applied`: all that it says is durable at this site, and on its way to the others: the source forgets it. `dead`: it can
 * never be applied. `later`: not now, and no fault of the message; it is to be brought again until it is taken.
 */
export type Verdict =
  | { readonly kind: 'applied' }
  | { readonly kind: 'dead'; readonly because: string }
  | { readonly kind: 'later'; readonly because: string }

/**
 * Why messages may be lost. `trimmed`: some that nobody had read were removed. `body-gone`: one that somebody had read, and
 * not finished. `rewound`: the source knows less than it did. `group-missing`: it does not know how far we had read.
 */
export type GapReason = (typeof gapReasons)[number]
export const gapReasons = ['trimmed', 'body-gone', 'rewound', 'group-missing'] as const

/** Who applies what a source brings. A message may be brought twice and in any order. */
export interface EventSink {
  /** A rejection is a fault of ours: brought again five times, a message that makes it is as good as dead. */
  take(message: Message): Promise<Verdict>
  /** Resolves when nothing is served any more that a lost message could have meant. A rejection: not yet, tell it again. */
  missed(because: GapReason): Promise<void>
}

export interface SourceStatus {
  readonly state: 'reading' | 'away'
  /** Unix ms of that state. */
  readonly since: number
  /** Messages that are kept at the source. */
  readonly length: number
  /** Messages that nobody has read. */
  readonly lag: number
  /** Read, and not finished. */
  readonly pending: number
  /** Of the oldest of those, 0 where there is none. */
  readonly oldestPendingMs: number
  readonly dead: number
  readonly consumers: readonly { readonly name: string; readonly pending: number; readonly idleMs: number }[]
}

export interface DeadLetter {
  readonly id: string
  /** Of the message, when it came. */
  readonly was: string
  readonly because: string
  readonly deliveries: number
  /** Absent: it was too long to be kept. */
  readonly text?: string
}

/**
 * PORT: where events come from. It brings each message at least once to some process of the site and forgets it only after
 * the verdict; a process that died with messages in its hands does not keep them from the others. While it cannot be
 * reached it tries again by itself, and nothing else waits for it.
 */
export interface EventSource {
  readonly name: 'redis-stream' | 'memory'
  /** Once. From then on messages are brought, a bounded number at once. */
  start(sink: EventSink): void
  /** What was seen a second ago; asks nobody. */
  status(): SourceStatus
  /** The newest first. Rejects with `events-source-away`. */
  dead(limit: number): Promise<readonly DeadLetter[]>
  /** Puts one back as a new message. Rejects with `events-source-away`. */
  retry(id: string): Promise<'queued' | 'unknown'>
  /** At most `limit` of what it took in that time, after the message `after`, in order. Rejects with `events-source-away`. */
  range(fromMs: number, toMs: number, limit: number, after?: string): Promise<readonly Message[]>
  /** Brings nothing any more; messages that are under way are finished, or left to others. */
  close(): Promise<void>
}

import type { CacheEvent } from './event-channel.ts'

/** What processes of a site send one another: an event, or only that they are there. */
export interface ChannelMessage {
  /** Name of the process that sent it. */
  readonly from: string
  /** Counts the messages of that process, so that one that is lost leaves a gap. */
  readonly number: number
  /** Monotonic ms of the sender when it sent it. */
  readonly sentMs: number
  /** The newest that it has given or seen: clocks of processes that hear one another do not drift apart. */
  readonly stamp: bigint
  readonly event?: CacheEvent
}

const version = 1
const kinds: ReadonlySet<unknown> = new Set(['tag', 'scope', 'all', 'key'])

export function writeMessage({ from, number, sentMs, stamp, event }: ChannelMessage): string {
  const told = event && [event.kind, event.namespace, event.name, String(event.stamp)]
  return JSON.stringify([version, from, number, sentMs, String(stamp), ...(told ? [told] : [])])
}

/** Undefined for anything that this release would not have written: whoever shares the channel, it is not understood. */
export function readMessage(text: string): ChannelMessage | undefined {
  try {
    const said: unknown = JSON.parse(text)
    if (!Array.isArray(said) || said[0] !== version) return undefined
    const [, from, number, sentMs, stamp, told] = said as unknown[]
    if (typeof from !== 'string' || !Number.isSafeInteger(number) || typeof sentMs !== 'number') return undefined
    const message = { from, number: number as number, sentMs, stamp: stampOf(stamp) }
    return told === undefined ? message : { ...message, event: eventOf(told) }
  } catch {
    // No JSON, or no number where a stamp should be.
    return undefined
  }
}

function eventOf(told: unknown): CacheEvent {
  const [kind, namespace, name, stamp] = told as unknown[]
  if (!kinds.has(kind) || typeof namespace !== 'string' || typeof name !== 'string') throw new TypeError('no event')
  return { kind: kind as CacheEvent['kind'], namespace, name, stamp: stampOf(stamp) }
}

/** Throws for what is none. */
function stampOf(text: unknown): bigint {
  const stamp = BigInt(text as string)
  return BigInt.asUintN(64, stamp)
}

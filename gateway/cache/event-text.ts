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
const kinds: ReadonlySet<unknown> = new Set<CacheEvent['kind']>(['tag', 'scope', 'all', 'key'])

export function writeMessage({ from, number, sentMs, stamp, event }: ChannelMessage): string {
  const told = event && [event.kind, event.namespace, event.name, String(event.stamp)]
  return JSON.stringify([version, from, number, sentMs, String(stamp), ...(told ? [told] : [])])
}

/** Undefined for anything that this release would not have written: whoever shares the channel, it is not understood. */
export function readMessage(text: string): ChannelMessage | undefined {
  const said = listIn(text)
  if (said?.[0] !== version) return undefined
  const [, from, number, sentMs, written, told] = said
  const stamp = stampIn(written)
  if (typeof from !== 'string' || !Number.isSafeInteger(number) || typeof sentMs !== 'number' || stamp === undefined)
    return undefined
  const message = { from, number: number as number, sentMs, stamp }
  if (told === undefined) return message
  const event = eventIn(told)
  return event && { ...message, event }
}

function listIn(text: string): readonly unknown[] | undefined {
  try {
    const said: unknown = JSON.parse(text)
    return Array.isArray(said) ? said : undefined
  } catch {
    // No JSON.
    return undefined
  }
}

function eventIn(told: unknown): CacheEvent | undefined {
  if (!Array.isArray(told)) return undefined
  const [kind, namespace, name, written] = told as unknown[]
  const stamp = stampIn(written)
  const whole = kinds.has(kind) && typeof namespace === 'string' && typeof name === 'string' && stamp !== undefined
  return whole ? { kind: kind as CacheEvent['kind'], namespace, name, stamp } : undefined
}

function stampIn(written: unknown): bigint | undefined {
  if (typeof written !== 'string' || !/^\d{1,20}$/.test(written)) return undefined
  const stamp = BigInt(written)
  return stamp >> 64n === 0n ? stamp : undefined
}

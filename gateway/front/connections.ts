import { isIP } from 'node:net'
import { plainAddress, type TrustedProxies } from '../intake/trusted-proxies.ts'

export interface ConnectionLimits {
  readonly total: number
  readonly perAddress: number
  /** Proxies in front of us speak for many clients. */
  readonly isTrusted: TrustedProxies
}

interface Sender {
  open: number
  vouched: boolean
}

/**
 * The open connections of a listener, in all and by who opened them, so that one client cannot take the places of all others.
 * Whoever has shown by a signature to be a program of ours has as many as it likes, for as long as one of them is open.
 */
export class Connections {
  readonly #limits: ConnectionLimits
  readonly #senders = new Map<string, Sender>()
  #open = 0

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  get open(): number {
    return this.#open
  }

  /** Takes a connection in, or refuses it; one that was taken in must `leave`. */
  admit(address: string): boolean {
    const { total, perAddress, isTrusted } = this.#limits
    if (this.#open >= total) return false
    const key = senderOf(address)
    const sender = this.#senders.get(key)
    if (sender === undefined) this.#senders.set(key, { open: 1, vouched: false })
    else if (sender.open < perAddress || sender.vouched || isTrusted(address)) sender.open++
    else return false
    this.#open++
    return true
  }

  leave(address: string): void {
    const key = senderOf(address)
    const sender = this.#senders.get(key)
    this.#open--
    if (sender !== undefined && --sender.open === 0) this.#senders.delete(key)
  }

  /** A connection from here carried the verified word of an edge or a peer gateway. */
  vouch(address: string): void {
    const sender = this.#senders.get(senderOf(address))
    if (sender !== undefined) sender.vouched = true
  }
}

/** An IPv4 address, or the /64 of an IPv6 one: a client is given all of that, and may speak from each address in it. */
export function senderOf(address: string): string {
  const plain = plainAddress(address)
  if (isIP(plain) !== 6) return plain
  const [before = '', after] = plain.split('%', 1)[0]?.split('::') ?? []
  const left = before === '' ? [] : before.split(':')
  const right = after === undefined || after === '' ? [] : after.split(':')
  const gap = Math.max(0, 8 - left.length - right.length - (plain.includes('.') ? 1 : 0))
  const groups = [...left, ...Array<string>(gap).fill('0'), ...right].slice(0, 4)
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')
}

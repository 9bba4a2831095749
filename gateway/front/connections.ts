import type { TrustedProxies } from '../intake/trusted-proxies.ts'
import { network } from '../network.ts'

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
    const key = network(address)
    const sender = this.#senders.get(key)
    if (sender === undefined) this.#senders.set(key, { open: 1, vouched: false })
    else if (sender.open < perAddress || sender.vouched || isTrusted(address)) sender.open++
    else return false
    this.#open++
    return true
  }

  leave(address: string): void {
    const key = network(address)
    const sender = this.#senders.get(key)
    this.#open--
    if (sender !== undefined && --sender.open === 0) this.#senders.delete(key)
  }

  /** A connection from here carried the verified word of an edge or a peer gateway. */
  vouch(address: string): void {
    const sender = this.#senders.get(network(address))
    if (sender !== undefined) sender.vouched = true
  }
}

import { stampMs, stampWriter } from '../store/stamp.ts'
import { storeKey } from '../store/wire-key.ts'
import { adminPrefix } from './allowed.ts'
import type { Answer } from './answer.ts'
import type { PortStore } from './port-store.ts'

/** What admin keys tell, as far as this process knows it without changing anything. */
export interface AdminSource {
  /** Zones and nodes that a key is read from or written to, nearest first. */
  readonly route: (namespace: string, key: string) => Promise<unknown>
  readonly zones: () => unknown
  readonly debt: () => unknown
  readonly version: string
  /** Of the configuration in force. */
  readonly configDigest: () => string
}

const keyed = /^(route|stamp)\((.*)\)$/s

/** `get __tidegate__.zones` and its like (rule P7): questions in the form of keys, answered by one line of JSON. */
export class AdminKeys {
  readonly #source: AdminSource
  readonly #store: PortStore

  constructor(source: AdminSource, store: PortStore) {
    this.#source = source
    this.#store = store
  }

  /** Empty, as for a key without a value, for what is no question. */
  async answer(namespace: string, wire: string): Promise<Answer> {
    const told = await this.#tell(namespace, wire.slice(adminPrefix.length))
    if (told === undefined) return ''
    const value = Buffer.from(JSON.stringify(told))
    return [`VALUE ${wire} 0 ${value.length}\r\n`, value, '\r\n']
  }

  async #tell(namespace: string, question: string): Promise<unknown> {
    switch (question) {
      case 'zones':
        return this.#source.zones()
      case 'debt':
        return this.#source.debt()
      case 'version':
        return { version: this.#source.version }
      case 'config_digest':
        return { digest: this.#source.configDigest() }
    }
    const [, about, inside = ''] = keyed.exec(question) ?? []
    if (about === 'stamp') return this.#stamp(namespace, storeKey(inside))
    if (about !== 'route') return undefined
    const comma = inside.indexOf(',')
    const key = storeKey(inside.slice(comma + 1))
    const places = await this.#source.route(namespace, key)
    return { operation: comma === -1 ? 'get' : inside.slice(0, comma), namespace, key, places }
  }

  async #stamp(namespace: string, key: string): Promise<unknown> {
    const found = await this.#store.get(namespace, key)
    const { stamp } = found
    const known = stamp === undefined ? {} : { stamp: String(stamp), ms: stampMs(stamp), writer: stampWriter(stamp) }
    return found.kind === 'hit'
      ? { state: 'hit', ...known, zone: found.zone, ttlMs: found.ttlMs }
      : { state: found.because, ...known }
  }
}

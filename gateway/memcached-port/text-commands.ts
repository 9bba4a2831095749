import { fillStamp } from '../cache-api/leases.ts'
import type { Hit } from '../store/cache-store.ts'
import { storeKey } from '../store/wire-key.ts'
import { type Answer, notDurable, zoneUnavailable } from './answer.ts'
import type { CountCommand, DeleteCommand, StoreCommand, TooLargeCommand, TouchCommand } from './command.ts'
import { readExpiry } from './expiry.ts'
import type { PortDeleteOutcome, PortPutOutcome, PortStore } from './port-store.ts'

/** What the text protocol's commands do to a namespace. Nothing throws: silence of the zones is an answer, too (rule P5). */
export class TextCommands {
  readonly #store: PortStore

  constructor(store: PortStore) {
    this.#store = store
  }

  /** One key of a retrieval; empty: it has no value, or none that could be read. */
  async get(namespace: string, wire: string, withUnique: boolean): Promise<Answer> {
    const found = await this.#store.get(namespace, storeKey(wire))
    return found.kind === 'hit' ? valueAnswer(wire, found, withUnique) : ''
  }

  /** A value with another life; one that could not be given it is read all the same. */
  async getAndTouch(namespace: string, wire: string, withUnique: boolean, seconds: number): Promise<Answer> {
    const key = storeKey(wire)
    const found = await this.#store.get(namespace, key)
    if (found.kind === 'miss') return ''
    const unique = found.unique ?? found.stamp
    const ttlMs = readExpiry(seconds, this.#store.clock.now())
    if (ttlMs === 'over') await this.#store.delete(namespace, key, unique)
    else await this.#store.items.touch(namespace, key, { ttlMs, ifStamp: unique })
    return valueAnswer(wire, found, withUnique)
  }

  async store(namespace: string, command: StoreCommand): Promise<Answer> {
    const { name, flags, seconds, value } = command
    const key = storeKey(command.key)
    if (name === 'append' || name === 'prepend') return this.#concat(namespace, key, command)
    const ttlMs = readExpiry(seconds, this.#store.clock.now())
    if (ttlMs === 'over') return this.#storeExpired(namespace, key, command)
    switch (name) {
      case 'set':
        return storeAnswer(await this.#store.put(namespace, key, value, { flags, ttlMs }))
      case 'add':
      case 'replace':
        return storeAnswer(await this.#store.put(namespace, key, value, { flags, ttlMs, mode: name }))
      case 'cas':
        return casAnswer(await putOrFill(this.#store, namespace, key, value, { flags, ttlMs, unique: command.unique }))
    }
  }

  async touch(namespace: string, { key: wire, seconds }: TouchCommand): Promise<Answer> {
    const key = storeKey(wire)
    const ttlMs = readExpiry(seconds, this.#store.clock.now())
    if (ttlMs === 'over') {
      const outcome = await this.#store.delete(namespace, key)
      return outcome === 'deleted' ? 'TOUCHED\r\n' : deleteAnswer(outcome)
    }
    const { kind } = await this.#store.items.touch(namespace, key, { ttlMs })
    if (kind === 'failed') return zoneUnavailable
    return kind === 'touched' ? 'TOUCHED\r\n' : notFound
  }

  async count(namespace: string, { key, by }: CountCommand): Promise<Answer> {
    const outcome = await this.#store.items.incr(namespace, storeKey(key), { by })
    switch (outcome.kind) {
      case 'value':
        return `${outcome.value}\r\n`
      case 'not-a-number':
        return notANumber
      case 'failed':
        return zoneUnavailable
      case 'not-found':
      case 'exists':
        return notFound
    }
  }

  async delete(namespace: string, { key }: DeleteCommand): Promise<Answer> {
    return deleteAnswer(await this.#store.delete(namespace, storeKey(key)))
  }

  /** What did not fit must not leave the old value behind, as if it had never been sent (rule P4). */
  async tooLarge(namespace: string, { key, removes, answer }: TooLargeCommand): Promise<Answer> {
    if (removes && (await this.#store.delete(namespace, storeKey(key))) === 'failed') return notDurable
    return answer === '' ? '' : `${answer}\r\n`
  }

  async #concat(namespace: string, key: string, { name, value }: StoreCommand): Promise<Answer> {
    const at = name === 'append' ? 'end' : 'begin'
    const { kind } = await this.#store.items.concat(namespace, key, value, { at })
    if (kind === 'failed') return zoneUnavailable
    return kind === 'stored' ? 'STORED\r\n' : 'NOT_STORED\r\n'
  }

  /** A value that has expired before it is stored: as if it had been there for a moment, and nothing is there now. */
  async #storeExpired(namespace: string, key: string, { name, unique }: StoreCommand): Promise<Answer> {
    if (name === 'add') {
      const found = await this.#store.get(namespace, key)
      return found.kind === 'hit' ? 'NOT_STORED\r\n' : 'STORED\r\n'
    }
    const outcome = await this.#store.delete(namespace, key, name === 'cas' ? unique : undefined)
    if (outcome === 'failed') return zoneUnavailable
    if (outcome === 'exists') return 'EXISTS\r\n'
    if (outcome === 'deleted' || name === 'set') return 'STORED\r\n'
    return name === 'cas' ? notFound : 'NOT_STORED\r\n'
  }
}

/**
 * Compare and set. The unique may be one that `mg N` gave to whoever is to make the value, while there is none, or a stale
 * one: then the value is stored under that lease.
 */
export async function putOrFill(
  store: PortStore,
  namespace: string,
  key: string,
  value: Buffer,
  { flags, ttlMs, unique }: { readonly flags: number; readonly ttlMs: number; readonly unique: bigint },
): Promise<PortPutOutcome> {
  const outcome = await store.put(namespace, key, value, { flags, ttlMs, ifStamp: unique })
  if (outcome !== 'absent' && outcome !== 'exists') return outcome
  const filled = await store.items.fill(namespace, key, value, { flags, ttlMs, token: unique })
  if (filled === 'stored') return { stamp: fillStamp(unique) }
  return filled === 'failed' ? 'failed' : outcome
}

export const notANumber = 'CLIENT_ERROR cannot increment or decrement non-numeric value\r\n'
const notFound = 'NOT_FOUND\r\n'

function valueAnswer(wire: string, { value, flags, unique, stamp }: Hit, withUnique: boolean): Answer {
  const head = `VALUE ${wire} ${flags} ${value.length}`
  return [withUnique ? `${head} ${unique ?? stamp}\r\n` : `${head}\r\n`, value, '\r\n']
}

function storeAnswer(outcome: PortPutOutcome): Answer {
  if (outcome === 'failed') return zoneUnavailable
  return typeof outcome === 'string' ? 'NOT_STORED\r\n' : 'STORED\r\n'
}

function casAnswer(outcome: PortPutOutcome): Answer {
  if (outcome === 'failed') return zoneUnavailable
  if (outcome === 'absent') return notFound
  return outcome === 'exists' ? 'EXISTS\r\n' : 'STORED\r\n'
}

function deleteAnswer(outcome: PortDeleteOutcome): Answer {
  switch (outcome) {
    case 'deleted':
      return 'DELETED\r\n'
    case 'failed':
      return notDurable
    case 'exists':
    case 'not-found':
      return notFound
  }
}

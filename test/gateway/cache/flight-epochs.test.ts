import { describe, expect, it } from 'vitest'
import type { CacheEvent } from '../../../gateway/cache/event-channel.ts'
import { FlightEpochs } from '../../../gateway/cache/flight-epochs.ts'
import { makeStamp } from '../../../gateway/store/stamp.ts'

const lookup = (resource: string, namespace = 'http-orders') => ({
  key: { text: 'k', clear: 'c', namespace },
  tags: { exact: [resource, 't:x'], scopes: ['r:x'] },
})
const event = (kind: CacheEvent['kind'], name: string, stamp: bigint, namespace = 'http-orders'): CacheEvent => ({
  kind,
  name,
  stamp,
  namespace,
})

describe('what tells flights from before an invalidation apart', () => {
  it('is nothing as long as nothing was invalidated', () => {
    expect(new FlightEpochs().of(lookup('u:a'))).toBe('')
  })

  it('Cache U6: changes for a resource with its own invalidation alone', () => {
    const epochs = new FlightEpochs()

    epochs.heard(event('tag', 'u:a', 5n))
    const first = epochs.of(lookup('u:a'))
    epochs.heard(event('tag', 'u:a', 6n))

    expect(first).not.toBe('')
    expect(epochs.of(lookup('u:a'))).not.toBe(first)
    expect(epochs.of(lookup('u:b'))).toBe('')
    expect(epochs.of(lookup('u:a', 'http-users'))).toBe('')
  })

  it.each(['tag', 'scope', 'all'] as const)('Cache U6: changes for a whole namespace with a wider one: %s', (kind) => {
    const epochs = new FlightEpochs()

    epochs.heard(event(kind, 't:order:1', 5n))

    expect(epochs.of(lookup('u:a'))).not.toBe('')
    expect(epochs.of(lookup('u:a', 'http-users'))).toBe('')
  })

  it('stays when an older word comes late, or one of a key', () => {
    const epochs = new FlightEpochs()
    epochs.heard(event('tag', 'u:a', 5n))
    const before = epochs.of(lookup('u:a'))

    epochs.heard(event('tag', 'u:a', 4n))
    epochs.heard(event('key', 'k', 9n))

    expect(epochs.of(lookup('u:a'))).toBe(before)
  })

  it('changes for all when something may have been missed, or had to be forgotten', () => {
    const missed = new FlightEpochs()
    missed.missed()
    const small = new FlightEpochs(2)
    for (const name of ['u:a', 'u:b', 'u:c']) small.heard(event('tag', name, 5n))

    expect(missed.of(lookup('u:z'))).not.toBe('')
    expect(small.of(lookup('u:a'))).not.toBe('')
  })

  it('stays when what had to be forgotten is older than any fetch: writes all day long do not keep readers from sharing one', () => {
    const day = new FlightEpochs(2)
    for (let minute = 0; minute < 60; minute++)
      day.heard(event('tag', `u:${minute}`, makeStamp(minute * 400_000, 0, 1)))

    expect(day.of(lookup('u:0'))).toBe('')
    expect(day.of(lookup('u:59'))).not.toBe('')
  })
})

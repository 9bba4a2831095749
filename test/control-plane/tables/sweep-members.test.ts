import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { openStore } from '../../../control-plane/store/database.ts'
import { Members } from '../../../control-plane/tables/members.ts'
import { rememberedMs, silenceMs, sweepOnce } from '../../../control-plane/tables/sweep-members.ts'

const entry = (instance: string) => {
  const facts = { internalUrl: 'http://127.0.0.1:1', startedAt: 0, version: '0', writerId: 3, registeredAt: 0 }
  return { site: 'onprem', instance, ...facts }
}

describe('gateway processes that ended without a word', () => {
  it('give their writer number back after ten minutes, and are forgotten after a day', async () => {
    const clock = new HeldClock()
    const store = await openStore(undefined, 0)
    const members = new Members(clock)
    for (const instance of ['killed', 'connected']) {
      await store.write(({ gateways }) => gateways.save(entry(instance)))
      members.put(entry(instance))
    }
    members.stream('onprem', 'connected', 1)

    clock.advance(silenceMs - 1)
    await sweepOnce({ store, members, clock })
    expect((await store.records.gateways.all()).filter(({ removed }) => removed)).toEqual([])

    clock.advance(1)
    await sweepOnce({ store, members, clock })
    const killed = { ...entry('killed'), removed: { at: clock.now(), by: 'silence' } }
    expect(await store.records.gateways.all()).toEqual([entry('connected'), killed])

    clock.advance(rememberedMs + 1)
    await sweepOnce({ store, members, clock })
    expect(await store.records.gateways.all()).toEqual([entry('connected')])
    expect(members.all().map(({ entry }) => entry.instance)).toEqual(['connected'])
    await store.close()
  })
})

import { describe, expect, it } from 'vitest'
import type { GatewayVerdict } from '../../../control-plane/cache/ask-gateway.ts'
import { verdictOf } from '../../../control-plane/cache/ask-gateway.ts'
import { invalidateSites } from '../../../control-plane/cache/invalidate-sites.ts'
import type { Member, MemberState } from '../../../control-plane/tables/members.ts'

const member = (site: string, instance: string, state: MemberState = 'live') =>
  ({ entry: { site, instance }, state }) as Member

const applied: GatewayVerdict = {
  kind: 'applied',
  answer: { stamp: '7', words: { tags: 1 }, keys: 0, tags: 1, sites: { onprem: 'applied' } },
}
const failed: GatewayVerdict = { kind: 'failed', because: 'ECONNREFUSED' }

describe('asking every site', () => {
  it('asks the next process of a site where one does not answer, and no further one where one did', async () => {
    const asked: string[] = []
    const members = [member('onprem', 'a'), member('onprem', 'b'), member('onprem', 'c'), member('cloud', 'd')]

    const outcomes = await invalidateSites(['onprem', 'cloud'], members, async ({ entry }) => {
      asked.push(entry.instance)
      return entry.instance === 'a' ? failed : applied
    })

    expect(asked.toSorted()).toEqual(['a', 'b', 'd'])
    expect(outcomes).toMatchObject([
      { site: 'onprem', outcome: 'applied', instance: 'b', stamp: '7' },
      { site: 'cloud', outcome: 'applied', instance: 'd' },
    ])
  })

  it('asks a live process before one that is leaving, and never one that is gone', async () => {
    const asked: string[] = []
    const members = [member('onprem', 'a', 'gone'), member('onprem', 'b', 'leaving'), member('onprem', 'c')]

    await invalidateSites(['onprem'], members, async ({ entry }) => {
      asked.push(entry.instance)
      return failed
    })

    expect(asked).toEqual(['c', 'b'])
  })

  it('tells a site without a process as failed, and goes no further once words are refused', async () => {
    const refused: GatewayVerdict = { kind: 'refused', because: 'too deep' }
    let calls = 0

    const outcomes = await invalidateSites(['onprem', 'cloud'], [member('onprem', 'a'), member('onprem', 'b')], () => {
      calls++
      return Promise.resolve(refused)
    })

    expect(calls).toBe(1)
    expect(outcomes).toEqual([
      { site: 'onprem', outcome: 'refused', instance: 'a', because: 'too deep' },
      { site: 'cloud', outcome: 'failed', because: 'no gateway process is there' },
    ])
  })
})

describe('what a gateway answered', () => {
  it.each([
    [200, { stamp: '7', words: {}, sites: {} }, 'applied'],
    [200, { stamp: 7 }, 'failed'],
    [200, undefined, 'failed'],
    [404, { code: 'endpoint-unknown' }, 'no-cache'],
    [404, undefined, 'failed'],
    [422, { code: 'cache-prefix-too-deep', detail: 'too deep' }, 'refused'],
    [401, { code: 'internal-call-refused' }, 'failed'],
    [503, { code: 'cache-invalidation-not-durable' }, 'failed'],
  ])('%s %j is %s', (status, body, kind) => {
    expect(verdictOf(status, body).kind).toBe(kind)
  })
})

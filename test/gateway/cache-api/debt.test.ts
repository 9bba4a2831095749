import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { silentLog } from '#server-kit/log.ts'
import { installProblemReplies } from '#server-kit/problem-reply.ts'
import { debtRoute, debtRows } from '../../../gateway/cache-api/debt.ts'
import { problems } from '../../../gateway/errors.ts'
import type { ShippingDebt } from '../../../gateway/replication/shipper.ts'

const shipping = (to: string, debt: Partial<ShippingDebt>) => ({
  to,
  debt: (): ShippingDebt => ({ deletes: 0, sets: 0, oldestAgeMs: 0, dirty: [], byNamespace: new Map(), ...debt }),
})
const shippers = [
  shipping('cloud', { deletes: 3, sets: 5, oldestAgeMs: 20.4, byNamespace: new Map([['shop', 3]]) }),
  shipping('cloud', {
    deletes: 2,
    oldestAgeMs: 900,
    dirty: ['users'],
    byNamespace: new Map([
      ['shop', 1],
      ['users', 1],
    ]),
  }),
  shipping('edge', {}),
]

describe('the debt of a process', () => {
  it('is told by destination, over all journals that are shipped there', () => {
    expect(debtRows(shippers)).toEqual([
      {
        to: 'cloud',
        invalidations: 5,
        values: 5,
        oldestAgeMs: 900,
        namespaces: { shop: 4, users: 1 },
        dirty: ['users'],
      },
      { to: 'edge', invalidations: 0, values: 0, oldestAgeMs: 0, namespaces: {}, dirty: [] },
    ])
  })

  it('is told with the writers of other sites, to whoever may look', async () => {
    const app = Fastify()
    installProblemReplies(app, { audience: 'operator', log: silentLog })
    const writer = { site: 'cloud', place: 'p', writer: 3, state: 'silent', silentMs: 2_500, debt: 7 } as const
    await app.register(debtRoute, {
      site: 'onprem',
      shippers,
      silence: { known: () => [writer] },
      require: async ({ headers }) => {
        if (headers.authorization === undefined) throw problems['internal-call-refused']({ because: 'missing' })
      },
    })
    const ask = (headers = {}) => app.inject({ url: '/gateway/v1/cache/debt', headers })

    expect((await ask()).statusCode).toBe(401)
    expect((await ask({ authorization: 'Bearer x' })).json()).toMatchObject({
      site: 'onprem',
      destinations: [{ to: 'cloud' }, { to: 'edge' }],
      writers: [writer],
    })
    await app.close()
  })
})

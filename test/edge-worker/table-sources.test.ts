import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { checkCall } from '#routes/call.ts'
import { headers } from '#routes/messages.ts'
import { KeyRing } from '#routes/seal.ts'
import type { Table } from '#routes/table.ts'
import { controlPlaneSource, supervisorSource, tableTag } from '../../edge-worker/table-sources.ts'
import { placementSet, route, structure, tableOf } from '../support/tables.ts'

let table: Table
let ring: KeyRing
beforeAll(async () => {
  table = await tableOf(structure([route('/v1/orders/**')], { number: 7 }), placementSet([], { number: 9 }))
  const keys = [{ id: 'k1', secret: randomBytes(32).toString('base64url') }]
  ring = (await KeyRing.open({ purpose: 'edge-control', keys })) as KeyRing
})

/** A source whose other side answers what the test says, and the requests that it got. */
function controlPlane(answer: () => Promise<Response>) {
  const asked: Request[] = []
  const platform = {
    fetch: (request: Request) => {
      asked.push(request)
      return answer()
    },
  }
  return {
    asked,
    source: controlPlaneSource({ url: 'http://plane.test/', ring, now: () => 1_000, newId: () => 'n', to: platform }),
  }
}
const deadline = () => AbortSignal.timeout(1_000)

describe('the control plane as a source of tables', () => {
  it('is asked by a signed call that says what is held', async () => {
    const { asked, source } = controlPlane(async () => new Response(null, { status: 304 }))

    expect(await source.read(table, deadline())).toEqual({})

    const [request] = asked as [Request]
    const target = '/api/v1/edge/table?structure=7&placements=9'
    expect(request.url).toBe(`http://plane.test${target}`)
    expect(request.headers.get('if-none-match')).toBe(tableTag(table))
    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'control-plane' }
    expect(await checkCall(request.headers.get(headers.call) ?? undefined, call, ring, 1_000)).toBe('valid')
  })

  it('is asked for everything by who holds nothing', async () => {
    const { asked, source } = controlPlane(async () => new Response('{}'))

    expect(await source.read(undefined, deadline())).toEqual({})
    expect(asked[0]?.url).toContain('?structure=0&placements=0')
    expect(asked[0]?.headers.has('if-none-match')).toBe(false)
  })

  it.each([
    ['it refuses', async () => new Response('no', { status: 403 }), 'status 403'],
    ['it redirects', async () => new Response(null, { status: 302, headers: { location: 'http://x' } }), 'status 302'],
    ['it answers something else', async () => new Response('<html>'), 'no table offer'],
    ['it cannot be reached', () => Promise.reject(new TypeError('fetch failed')), 'TypeError: fetch failed'],
  ])('is away when %s', async (_, answer, away) => {
    expect(await controlPlane(answer).source.read(table, deadline())).toEqual({ away })
  })
})

describe('the supervisor as a source of tables', () => {
  it('is asked with the word that opens it, for tables and for what it refused itself', async () => {
    const asked: Request[] = []
    const fetching = {
      fetch: async (request: Request) => {
        asked.push(request)
        return request.url.endsWith('/status') ? Response.json({ ageMs: 3, refusals: [] }) : new Response('{}')
      },
    }
    const source = supervisorSource(fetching, 'word')

    expect(await source.read(table, deadline())).toEqual({})
    expect(await source.told?.(deadline())).toEqual({ ageMs: 3, refusals: [] })
    expect(asked.map((request) => request.headers.get('authorization'))).toEqual(['Bearer word', 'Bearer word'])
  })
})

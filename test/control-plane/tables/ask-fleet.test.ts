import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { systemRandom } from '#server-kit/random.ts'
import { evidenceOf, FleetAsker } from '../../../control-plane/tables/ask-fleet.ts'
import { strangersRing } from '../support/keys.ts'

let said = ''
const server = createServer((_, response) => void response.end(said))
let url = ''
let asker: FleetAsker
beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const rings = {
    'control-gateway': await strangersRing('control-gateway'),
    'edge-control': await strangersRing('edge-control'),
  }
  asker = new FleetAsker(rings, systemClock, systemRandom)
})
afterAll(() => server.close())

/** What a start of the control plane makes of the answer. */
async function learnt(answer: string) {
  said = answer
  const edge = await asker.edge({ name: 'edge-1', url })
  const gateway = await asker.gateway({ site: 'onprem', url }, true)
  const evidence = await evidenceOf(gateway.ok ? [gateway.status] : [], edge.ok ? [edge.status] : [], new Map())
  return { heard: edge.ok, evidence }
}

const nothing = { held: [], structures: [], placements: [] }

describe('a program of the fleet that is asked at the start', () => {
  it.each(['null', '[]', '"held"', '7', '', '<html>'])(
    'is told as silent when it answers %j: one program must not keep the control plane from starting',
    async (answer) => {
      expect(await learnt(answer)).toEqual({ heard: false, evidence: nothing })
    },
  )

  it.each(['{}', '{"held":null}', '{"held":[],"documents":null}', '{"held":{"structure":{}},"documents":{}}'])(
    'proves nothing by %s',
    async (answer) => {
      expect(await learnt(answer)).toEqual({ heard: true, evidence: nothing })
    },
  )
})

import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { rotateKeys } from '../../../../control-plane/cli/local/rotate-keys.ts'
import { steps } from '../../../../control-plane/cli/local/rotation.ts'
import { eventually } from '../../../support/eventually.ts'
import { type EdgeSystem, startEdgeSystem } from '../../support/edge-system.ts'
import { ringFile } from '../../support/keys.ts'

/** Clients of the edge that ask one request after the other, until they are told to end; what they were answered. */
async function traffic({ edgePort, plane }: EdgeSystem) {
  const { header, words } = await plane.client.echoWords({ behaviours: ['plain'] })
  const init = { headers: { host: 'api.example.com', [header]: words['plain'] ?? '' } }
  const statuses = new Map<number, number>()
  let over = false
  const client = async () => {
    while (!over) {
      const answer = await fetch(`http://127.0.0.1:${edgePort}/v1/orders/7`, init)
      await answer.arrayBuffer()
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
    }
  }
  const clients = [client(), client()]
  return {
    statuses,
    end: async () => {
      over = true
      await Promise.all(clients)
    },
  }
}

describe('the ring of edges and gateways', () => {
  it('is changed under traffic with no request refused, though gateways believe nobody but edges', async () => {
    await using system = await startEdgeSystem()
    const { statuses, end } = await traffic(system)
    try {
      // Each order in which the two may come to read a step.
      const orders = [['gateways', 'edge'] as const, ['edge', 'gateways'] as const, ['gateways', 'edge'] as const]
      for (const [at, step] of steps.entries()) {
        await rotateKeys(system.plane.folder.path, 'edge-gateway', step)
        for (const what of orders[at] ?? []) await system.reload(what)
      }
    } finally {
      await end()
    }

    expect([...statuses.keys()]).toEqual([200])
    expect(statuses.get(200)).toBeGreaterThan(100)
  })

  it('that is written anew in one go has them refused: the steps are what keeps them', async () => {
    await using system = await startEdgeSystem()
    const { statuses, end } = await traffic(system)
    try {
      await writeFile(system.plane.folder.file('edge-gateway.json'), JSON.stringify(ringFile('edge-gateway')))
      await system.reload('gateways')
      await eventually(() => (statuses.get(403) ?? 0) > 0, { deadlineMs: 20_000 })
    } finally {
      await end()
    }
  })
})

import { describe, expect, it } from 'vitest'
import type { EdgePublication, EdgeVersionsAnswer } from '../../../../control-plane/api-client/cloudflare-schema.ts'
import { judgeDeployment, judgeFailOpen, judgeKv } from '../../../../control-plane/cli/edge-doctor/judge-publishing.ts'

const well = { health: 'working', because: '' } as const
const halted = { health: 'halted', because: 'the token was refused' } as const
const confirmed = { state: 'confirmed', startedAt: 1_000, since: 91_000 } as EdgePublication

const publishing = (facts: Partial<EdgeVersionsAnswer> = {}): EdgeVersionsAnswer => ({
  script: 'tidegate-edge',
  status: { script: well, kv: { ...well, written: 7, wanted: 7 } },
  deployed: [{ versionId: 'a', percentage: 100 }],
  publications: [confirmed],
  ...facts,
})

describe('what the control plane publishes to Cloudflare', () => {
  it('is well with one version for all, and KV as new as the table', () => {
    expect(judgeKv(publishing())).toMatchObject({ verdict: 'ok', evidence: expect.stringContaining('7 of 7') })
    expect(judgeDeployment(publishing())).toEqual({
      verdict: 'ok',
      evidence: 'one version has all of the traffic; the last one took 90 s',
    })
  })

  it('is wrong where a channel has stopped', () => {
    const status = { script: halted, kv: { ...halted, written: 3, wanted: 7 } }

    expect(judgeKv(publishing({ status }))).toMatchObject({
      verdict: 'wrong',
      evidence: expect.stringContaining('token'),
    })
    expect(judgeDeployment(publishing({ status })).verdict).toBe('wrong')
  })

  it('is unknown while it goes on, or where nobody says', () => {
    const behind = { script: well, kv: { ...well, written: 6, wanted: 7 } }
    const { deployed: _, ...silent } = publishing({ because: 'it answered 503' })
    const shared = [
      { versionId: 'a', percentage: 95 },
      { versionId: 'b', percentage: 5 },
    ]

    expect(judgeKv(publishing({ status: behind })).verdict).toBe('unknown')
    expect(judgeKv(publishing({ status: { script: well } })).fix).toMatch('kvNamespace')
    expect(judgeDeployment(silent).evidence).toMatch('it answered 503')
    expect(judgeDeployment(publishing({ deployed: shared })).evidence).toMatch('95 % and 5 %')
    for (const judge of [judgeKv, judgeDeployment]) expect(judge('off').verdict).toBe('unknown')
  })

  it('Edge D19: never says how a route fails above the quota, but where to look; elsewhere there is no quota', () => {
    for (const known of [publishing(), 'off'] as const) {
      expect(judgeFailOpen(known)).toMatchObject({ verdict: 'unknown', fix: expect.stringContaining('Fail open') })
    }
    for (const judge of [judgeFailOpen, judgeKv, judgeDeployment]) expect(judge('elsewhere').verdict).toBe('ok')
  })
})

import { describe, expect, it } from 'vitest'
import type { EdgePublication, EdgeVersionsAnswer } from '../../../../control-plane/api-client/cloudflare-schema.ts'
import { publish, rollback, versions } from '../../../../control-plane/cli/commands/edge-versions.ts'

const publication: EdgePublication = {
  tag: 'tidegate-0123456789abcdef',
  kind: 'structure',
  state: 'at-5-percent',
  structure: 4,
  placements: 17,
  versionId: 'v2',
  formerId: 'v1',
  since: 0,
  startedAt: 0,
  actor: 'eve',
  reason: 'new routes',
  gzipBytes: 61_234,
  startupMs: 48,
}
const answer: EdgeVersionsAnswer = {
  script: 'tidegate-edge',
  status: {
    script: { health: 'working', because: '', newest: { tag: publication.tag, state: publication.state } },
    kv: { health: 'halted', because: 'it answered 403', written: 16, wanted: 17 },
  },
  deployed: [
    { versionId: 'v1', percentage: 95 },
    { versionId: 'v2', percentage: 5 },
  ],
  publications: [publication],
}

function sessionOf(client: object, format: 'table' | 'json' = 'table') {
  const [out, told]: [string[], string[]] = [[], []]
  const session = { client, format, out: (text: string) => out.push(text), tell: (text: string) => told.push(text) }
  return { session: session as never, out: () => out.join('\n'), told: () => told.join('\n') }
}

describe('tidegate edge versions', () => {
  it('shows what serves, how each version came there, and that a person is needed', async () => {
    const { session, out, told } = sessionOf({ edgeVersions: async () => answer })

    await versions(session)

    expect(out()).toContain('v1 95 %, v2 5 %')
    expect(out()).toMatch(/halted: it answered 403; has placements 16 of 17/)
    expect(out()).toMatch(/1970-01-01 00:00:00Z +4 +17 +at-5-percent +v2 +61234 +48 +eve +new routes/)
    expect(told()).toContain('tidegate edge publish --reason "new token"')
  })

  it('says that what serves is unknown, and why', async () => {
    const { deployed: _, ...rest } = answer
    const { session, out } = sessionOf({ edgeVersions: async () => ({ ...rest, because: 'it answered 503' }) })

    await versions(session)

    expect(out()).toContain('unknown: it answered 503')
  })

  it('is the answer of the API for scripts', async () => {
    const { session, out } = sessionOf({ edgeVersions: async () => answer }, 'json')

    await versions(session)

    expect(JSON.parse(out())).toEqual(answer)
  })
})

describe('tidegate edge publish and rollback', () => {
  it('say what was begun, and how to undo it', async () => {
    const reasons: string[] = []
    const begin = async (reason: string) => {
      reasons.push(reason)
      return { changed: true, publication }
    }
    const { session, out } = sessionOf({ publishEdge: begin, rollbackEdge: begin })

    await publish(session, [], { reason: 'new routes' })
    await rollback(session, [], { reason: 'too slow' })

    expect(reasons).toEqual(['new routes', 'too slow'])
    expect(out()).toContain('structure 4, placements 17; 61234 bytes, starts in 48 ms')
    expect(out()).toContain('Undo: tidegate edge rollback')
    expect(out()).toContain('Version v1 has all of the traffic again')
  })

  it('say that there is nothing to do', async () => {
    const { session, out } = sessionOf({ publishEdge: async () => ({ changed: false }) })

    await publish(session, [], { reason: 'again' })

    expect(out()).toBe('Nothing to do: the newest table is deployed already.')
  })

  it('ask for a reason that says something, before they ask the control plane', async () => {
    const { session } = sessionOf({})

    await expect(publish(session, [], { reason: ' ' })).rejects.toMatchObject({ code: 'usage-wrong' })
    await expect(rollback(session, [], { reason: '' })).rejects.toMatchObject({ code: 'usage-wrong' })
  })
})

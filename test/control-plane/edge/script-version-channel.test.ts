import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isOpen, type Publication } from '../../../control-plane/edge/publication.ts'
import {
  actOf,
  mayFind,
  nextOf,
  type Outcome,
  pace,
  sameShares,
  takenBack,
} from '../../../control-plane/edge/script-version-channel.ts'

const begun: Publication = {
  id: '1',
  tag: 'tidegate-0000000000000000',
  kind: 'structure',
  content: { structure: 1, structureDigest: 's', placements: 2, placementsDigest: 'p', codeDigest: 'c' },
  formerId: 'former',
  state: 'built',
  since: 0,
  startedAt: 0,
  actor: 'eve',
  reason: 'newer',
  gzipBytes: 1,
  startupMs: 1,
}
const uploaded: Outcome = { kind: 'uploaded', versionId: 'new' }
const deployed: Outcome = { kind: 'deployed' }
const smoke = (failingMs: number): Outcome => ({ kind: 'smoke', failingMs, because: 'silent' })
const watched = (verdict: 'worse' | 'equal' | 'not-enough', failingMs = 0): Outcome => ({
  kind: 'watched',
  verdict,
  failingMs,
  because: verdict,
})
const through = (publication: Publication, outcomes: readonly [Outcome, number][]) =>
  outcomes.reduce((before, [outcome, now]) => nextOf(before, outcome, now), publication)

describe('a publication of the edge script', () => {
  it('goes by 0 %, 5 % and 100 % to its end, each step five minutes long', () => {
    const at5 = through(begun, [
      [uploaded, 1],
      [deployed, 2],
      [smoke(0), 3],
    ])
    const at100 = nextOf(at5, watched('equal'), 3 + pace.stepMs)
    const confirmed = nextOf(at100, watched('equal'), 3 + 2 * pace.stepMs)

    expect(nextOf(at5, watched('equal'), 2 + pace.stepMs)).toBe(at5)
    expect(actOf(at5)).toEqual({
      do: 'watch',
      shares: [
        { versionId: 'former', percentage: 95 },
        { versionId: 'new', percentage: 5 },
      ],
    })
    expect(actOf(at100)).toEqual({ do: 'watch', shares: [{ versionId: 'new', percentage: 100 }] })
    expect(confirmed.state).toBe('confirmed')
    expect(actOf(confirmed)).toBeUndefined()
  })

  it('goes from the smoke test to all of the traffic at once when only placements differ', () => {
    const tested = through({ ...begun, kind: 'placements' }, [
      [uploaded, 1],
      [deployed, 2],
      [smoke(0), 3],
    ])

    expect(tested.state).toBe('at-100-percent')
  })

  it('is taken back when more requests fail at 5 % than before', () => {
    const at5 = { ...begun, versionId: 'new', state: 'at-5-percent' } as const

    const back = nextOf(at5, watched('worse'), 1)

    expect(back).toMatchObject({ state: 'rolling-back', because: 'worse' })
    expect(actOf(back)).toEqual({ do: 'deploy', shares: [{ versionId: 'former', percentage: 100 }] })
    expect(nextOf(back, deployed, 2).state).toBe('rolled-back')
  })

  it('is taken back when the version itself does not answer for two minutes, and not before', () => {
    const testing = { ...begun, versionId: 'new', state: 'smoke' } as const

    expect(nextOf(testing, smoke(pace.smokeLimitMs - 1), 1)).toBe(testing)
    expect(nextOf(testing, smoke(pace.smokeLimitMs), 1).state).toBe('rolling-back')
  })

  it('waits half an hour where there is too little traffic to compare, and does not step up while the version fails', () => {
    const at5 = { ...begun, versionId: 'new', state: 'at-5-percent' } as const

    expect(nextOf(at5, watched('not-enough'), pace.patienceMs - 1)).toBe(at5)
    expect(nextOf(at5, watched('not-enough', 1), pace.patienceMs)).toBe(at5)
    expect(nextOf(at5, watched('not-enough'), pace.patienceMs).state).toBe('at-100-percent')
  })

  it('ends where nobody is on it yet, and is taken back where somebody is, when Cloudflare refuses it', () => {
    const refused: Outcome = { kind: 'refused', because: 'too large' }

    expect(nextOf(begun, refused, 1).state).toBe('refused')
    expect(nextOf({ ...begun, state: 'at-5-percent' }, refused, 1).state).toBe('rolling-back')
    const back: Publication = { ...begun, state: 'rolling-back' }
    expect(nextOf(back, refused, 1)).toBe(back)
  })

  it('leaves the deployment alone that somebody else has made meanwhile', () => {
    const at5: Publication = { ...begun, versionId: 'new', state: 'at-5-percent' }

    const found = (...shares: [string, number][]) =>
      mayFind(
        shares.map(([versionId, percentage]) => ({ versionId, percentage })),
        at5,
      )

    expect([found(['former', 100], ['new', 0]), found(['new', 5], ['former', 95])]).toEqual([true, true])
    expect([found(['third', 100]), found(['former', 100]), found(['new', 100])]).toEqual([false, false, false])
    expect(nextOf(at5, { kind: 'superseded', because: 'another' }, 1).state).toBe('superseded')
  })

  it('never asks for shares that Cloudflare refuses, and always has an end, whatever happens', () => {
    const outcome = fc.oneof(
      fc.constant<Outcome>(uploaded),
      fc.constant<Outcome>(deployed),
      fc.nat(200_000).map(smoke),
      fc
        .tuple(fc.constantFrom('worse' as const, 'equal' as const, 'not-enough' as const), fc.nat(200_000))
        .map(([verdict, failingMs]) => watched(verdict, failingMs)),
      fc.constant<Outcome>({ kind: 'refused', because: 'no' }),
    )
    const steps = fc.array(fc.tuple(outcome, fc.nat(2_000_000), fc.nat(9)), { maxLength: 60 })

    fc.assert(
      fc.property(steps, fc.constantFrom('structure' as const, 'placements' as const), (steps, kind) => {
        let publication: Publication = { ...begun, kind }
        let now = 0
        const fits = (act: string | undefined, { kind }: Outcome) =>
          kind === 'refused' ||
          { upload: 'uploaded', deploy: 'deployed', smoke: 'smoke', watch: 'watched' }[act ?? ''] === kind
        for (const [outcome, ms, chance] of steps) {
          now += ms
          if (chance === 0 && isOpen(publication)) publication = takenBack(publication, 'a person', now)
          const act = actOf(publication)
          if (!fits(act?.do, outcome)) continue
          if (act !== undefined && 'shares' in act) {
            expect(act.shares.length).toBeLessThanOrEqual(2)
            expect(act.shares.reduce((sum, { percentage }) => sum + percentage, 0)).toBe(100)
          }
          const before = publication.state
          publication = nextOf(publication, outcome, now)
          // Nobody comes onto a version that was not tried at the step before.
          if (publication.state === 'at-100-percent' && before !== 'at-100-percent') {
            expect(before).toBe(kind === 'structure' ? 'at-5-percent' : 'smoke')
          }
          if (before === 'rolling-back') expect(['rolling-back', 'rolled-back']).toContain(publication.state)
        }
      }),
    )
  })

  it('takes a version at 0 % for another deployment than one without it, in any order', () => {
    const a = [
      { versionId: 'a', percentage: 100 },
      { versionId: 'b', percentage: 0 },
    ]

    expect(sameShares(a, a.toReversed())).toBe(true)
    expect(sameShares(a, a.slice(0, 1))).toBe(false)
  })
})

import type { PublicationState } from '../api-client/cloudflare-schema.ts'
import type { Share } from './cloudflare-client.ts'
import type { Verdict } from './edge-evidence.ts'
import type { Publication } from './publication.ts'

/** What is to be done in a state. Each may be done again after a crash: doing it twice is doing it once. */
export type Act =
  /** Find the version by its tag, else upload it. */
  | { readonly do: 'upload' }
  /** Have these shares deployed. */
  | { readonly do: 'deploy'; readonly shares: readonly Share[] }
  /** Ask the version itself, past all traffic. */
  | { readonly do: 'smoke' }
  /** The same as `deploy`; then look at what traffic shows. */
  | { readonly do: 'watch'; readonly shares: readonly Share[] }

export type Outcome =
  | { readonly kind: 'uploaded'; readonly versionId: string; readonly platformStartupMs?: number }
  | { readonly kind: 'deployed' }
  /** `failingMs`: for how long the version has not answered as it should; 0: it does. */
  | { readonly kind: 'smoke'; readonly failingMs: number; readonly because: string }
  | { readonly kind: 'watched'; readonly verdict: Verdict; readonly failingMs: number; readonly because: string }
  /** Cloudflare does not take what was asked for, and will not later. */
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'outdated' | 'superseded'; readonly because: string }

/** Ms. A new version is known everywhere within seconds, so a minute or two of failing smoke tests are the version's own. */
export const pace = { smokeLimitMs: 120_000, stepMs: 300_000, patienceMs: 1_800_000 } as const

/** Undefined: it has ended. */
export function actOf({ state, formerId, versionId = '' }: Publication): Act | undefined {
  switch (state) {
    case 'built':
      return { do: 'upload' }
    case 'uploaded':
      return { do: 'deploy', shares: [share(formerId, 100), share(versionId, 0)] }
    case 'smoke':
      return { do: 'smoke' }
    case 'at-5-percent':
      return { do: 'watch', shares: [share(formerId, 95), share(versionId, 5)] }
    case 'at-100-percent':
      return { do: 'watch', shares: [share(versionId, 100)] }
    case 'rolling-back':
      return { do: 'deploy', shares: [share(formerId, 100)] }
    default:
      return undefined
  }
}

/** The publication after an outcome of its act; the same object while there is nothing to journal. */
export function nextOf(publication: Publication, outcome: Outcome, now: number): Publication {
  const into = (state: PublicationState, more: Partial<Publication> = {}): Publication => ({
    ...publication,
    ...more,
    state,
    since: now,
  })
  const inState = now - publication.since
  switch (outcome.kind) {
    case 'outdated':
    case 'superseded':
      return into(outcome.kind, { because: outcome.because })
    case 'refused':
      if (publication.state === 'rolling-back') return publication
      // Nobody is on it yet; later on somebody may be.
      return into(isUntried(publication) ? 'refused' : 'rolling-back', { because: outcome.because })
    case 'uploaded': {
      const { versionId, platformStartupMs } = outcome
      return into('uploaded', { versionId, ...(platformStartupMs === undefined ? {} : { platformStartupMs }) })
    }
    case 'deployed':
      return into(publication.state === 'rolling-back' ? 'rolled-back' : 'smoke')
    case 'smoke':
      // A share of traffic tells nothing about code and structure that serve all of it already.
      if (outcome.failingMs === 0) return into(publication.kind === 'structure' ? 'at-5-percent' : 'at-100-percent')
      return outcome.failingMs < pace.smokeLimitMs ? publication : into('rolling-back', { because: outcome.because })
    case 'watched': {
      const worse = outcome.verdict === 'worse' || outcome.failingMs >= pace.smokeLimitMs
      if (worse) return into('rolling-back', { because: outcome.because })
      // With little traffic the smoke tests have to do, after a longer time.
      const enough = outcome.verdict === 'equal' ? pace.stepMs : pace.patienceMs
      if (inState < enough || outcome.failingMs > 0) return publication
      return into(publication.state === 'at-5-percent' ? 'at-100-percent' : 'confirmed')
    }
  }
}

/** Taken back by a person; from any state in which there is something to take back, never refused for its health. */
export function takenBack(publication: Publication, because: string, now: number): Publication {
  return { ...publication, state: 'rolling-back', because, since: now }
}

/**
 * Whether a publication may find these shares deployed: those of its state, or of the state before. Everything else is somebody
 * else's doing, who may have taken it back by hand, and is left alone.
 */
export function mayFind(shares: readonly Share[], publication: Publication): boolean {
  const { formerId, versionId = '', state, kind } = publication
  const before = [share(formerId, 100), share(versionId, 0)]
  const little = [share(formerId, 95), share(versionId, 5)]
  switch (state) {
    case 'at-5-percent':
      return sameShares(shares, before) || sameShares(shares, little)
    case 'at-100-percent':
      return sameShares(shares, kind === 'structure' ? little : before) || sameShares(shares, [share(versionId, 100)])
    default:
      return sameShares(serving(shares), [share(formerId, 100)]) || shares.every(isOurs)
  }

  function isOurs({ versionId: id }: Share): boolean {
    return id === formerId || id === versionId
  }
}

/** Without those that nobody is sent to, as are left of an earlier try. */
export function serving(shares: readonly Share[]): readonly Share[] {
  return shares.filter(({ percentage }) => percentage > 0)
}

/** In any order; a version at 0 % differs from one that is not there. */
export function sameShares(a: readonly Share[], b: readonly Share[]): boolean {
  const told = (shares: readonly Share[]) =>
    shares
      .map(({ versionId, percentage }) => `${versionId} ${percentage}`)
      .sort()
      .join()
  return told(a) === told(b)
}

function isUntried({ state }: Publication): boolean {
  return state === 'built' || state === 'uploaded'
}

function share(versionId: string, percentage: number): Share {
  return { versionId, percentage }
}

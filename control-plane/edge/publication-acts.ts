import type { TableOffer } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Store } from '../records.ts'
import type { EdgeFeed } from '../tables/edge-feed.ts'
import type { CloudflareApi, Reply, Share } from './cloudflare-client.ts'
import { type EdgeEvidence, verdictOf } from './edge-evidence.ts'
import { messageOf, type Publication, type ScriptContent, tagOf } from './publication.ts'
import type { BuildScript, BuiltScript } from './script-builder.ts'
import { type Act, mayFind, type Outcome, sameShares } from './script-version-channel.ts'
import type { SmokeTest } from './smoke-test.ts'

export interface ActParts {
  readonly api: CloudflareApi
  readonly build: BuildScript
  readonly smoke: SmokeTest
  readonly evidence: Pick<EdgeEvidence, 'between'>
  readonly store: Pick<Store, 'records'>
  readonly feed: Pick<EdgeFeed, 'structure' | 'placements'>
  readonly clock: Clock
}

/** No outcome yet: the same act again later, or when a person has mended the token. */
export type Pending = { readonly later: string; readonly afterMs?: number } | { readonly denied: string }

export interface Wanted {
  readonly table: TableOffer
  readonly content: Omit<ScriptContent, 'codeDigest'>
}

/** The table that edges are offered; undefined before the first catalog. */
export function wantedOf({ structure, placements }: ActParts['feed']): Wanted | undefined {
  if (structure === undefined || placements === undefined) return undefined
  return {
    table: { structure: structure.sealed, placements: placements.sealed },
    content: {
      structure: structure.number,
      structureDigest: structure.digest,
      placements: placements.number,
      placementsDigest: placements.digest,
    },
  }
}

const baselineMs = 600_000
/** How long an upload may not be listed: before that, one whose answer was lost is not taken for one that never came. */
const listedWithinMs = 10_000
const lately = 5

/** Performs what a publication is to do next. Each act looks first at what is so already, so that a repeated one does nothing. */
export class PublicationActs {
  readonly #parts: ActParts
  #script: { readonly tag: string; readonly built: BuiltScript } | undefined
  readonly #startedAt: number
  /** When a version last answered as it should, or when this process began to ask. */
  #passedAt: number

  constructor(parts: ActParts) {
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.#passedAt = this.#startedAt
  }

  /** The script of a publication that begins: an upload needs it a moment later. */
  keep(tag: string, built: BuiltScript): void {
    this.#script = { tag, built }
  }

  async perform(publication: Publication, act: Act): Promise<Outcome | Pending> {
    switch (act.do) {
      case 'upload':
        return this.#upload(publication)
      case 'deploy':
        return this.#deploy(publication, act.shares)
      case 'smoke':
        return { kind: 'smoke', ...(await this.#ask(publication)) }
      case 'watch': {
        const deployed = await this.#deploy(publication, act.shares)
        return 'kind' in deployed && deployed.kind === 'deployed' ? this.#watch(publication) : deployed
      }
    }
  }

  /** An upload whose answer was lost is found by its tag: the same content is never uploaded twice. */
  async #upload({ tag, content }: Publication): Promise<Outcome | Pending> {
    const { api, clock } = this.#parts
    const versions = await api.versions()
    if (versions.kind !== 'done') return pending(versions)
    const known = versions.result.find((version) => version.tag === tag)
    const versionId = known?.id ?? (await this.#uploadedLately(tag))
    if (versionId !== undefined) return { kind: 'uploaded', versionId }
    // Whoever began with it may have uploaded it a moment before this process started.
    if (this.#script?.tag !== tag && clock.now() - this.#startedAt < listedWithinMs) {
      return { later: 'what was uploaded before this start need not be listed yet', afterMs: listedWithinMs }
    }
    const script = await this.#scriptOf(tag)
    if (script === undefined) return { kind: 'outdated', because: 'a newer table came before it was uploaded' }
    const uploaded = await api.upload({ ...script, tag, message: messageOf(content) })
    if (uploaded.kind === 'later') {
      return { later: uploaded.because, afterMs: Math.max(uploaded.afterMs ?? 0, listedWithinMs) }
    }
    if (uploaded.kind !== 'done') return pending(uploaded)
    const { id, startupMs } = uploaded.result
    return { kind: 'uploaded', versionId: id, ...(startupMs === undefined ? {} : { platformStartupMs: startupMs }) }
  }

  /** By us, so lately that the list need not show it yet. */
  async #uploadedLately(tag: string): Promise<string | undefined> {
    const { store, clock } = this.#parts
    const before = clock.now() - listedWithinMs
    const journaled = await store.records.publications.list(lately)
    const found = journaled.find((one) => one.tag === tag && one.versionId !== undefined && one.since > before)
    return found?.versionId
  }

  /** After a restart it is built anew, from the table that is the newest by then; undefined: that is another one. */
  async #scriptOf(tag: string): Promise<BuiltScript | undefined> {
    if (this.#script?.tag === tag) return this.#script.built
    const wanted = wantedOf(this.#parts.feed)
    if (wanted === undefined) return undefined
    const built = await this.#parts.build(wanted.table)
    if (tagOf({ ...wanted.content, codeDigest: built.codeDigest }) !== tag) return undefined
    this.keep(tag, built)
    return built
  }

  /** Only what is read back counts: an answer may be lost after its effect, and others may deploy too. */
  async #deploy(publication: Publication, shares: readonly Share[]): Promise<Outcome | Pending> {
    const { api } = this.#parts
    const before = await api.deployment()
    const settled = seen(before, publication, shares)
    if (settled !== undefined) return settled
    const { state, content } = publication
    const message = `${state}: structure ${content.structure}, placements ${content.placements}`
    const deployed = await api.deploy(shares, message)
    if (deployed.kind !== 'done') return pending(deployed)
    return seen(await api.deployment(), publication, shares) ?? { later: 'the deployment is not in force yet' }
  }

  async #watch(publication: Publication): Promise<Outcome> {
    const { evidence, clock } = this.#parts
    const { failingMs, because } = await this.#ask(publication)
    const { startedAt, since } = publication
    const verdict = verdictOf(evidence.between(startedAt - baselineMs, startedAt), evidence.between(since, clock.now()))
    const worse = 'more requests fail, or are skewed, than before'
    return { kind: 'watched', verdict, failingMs, because: verdict === 'worse' ? worse : because }
  }

  async #ask({ versionId = '', formerId, content, since }: Publication) {
    const { smoke, clock } = this.#parts
    const { passed, because } = await smoke(versionId, formerId, content.structure)
    const now = clock.now()
    if (passed) this.#passedAt = now
    return { failingMs: passed ? 0 : Math.max(now - Math.max(this.#passedAt, since), 1), because }
  }
}

/** What a deployment, as it was read, means for who wants `shares`; undefined: they are still to be deployed. */
function seen(
  deployment: Reply<readonly Share[]>,
  publication: Publication,
  shares: readonly Share[],
): Outcome | Pending | undefined {
  if (deployment.kind !== 'done') return pending(deployment)
  if (!mayFind(deployment.result, publication)) {
    return { kind: 'superseded', because: 'somebody else has deployed another version' }
  }
  return sameShares(deployment.result, shares) ? { kind: 'deployed' } : undefined
}

function pending(reply: Exclude<Reply<unknown>, { kind: 'done' }>): Outcome | Pending {
  const { because } = reply
  switch (reply.kind) {
    case 'denied':
      return { denied: because }
    case 'refused':
      return { kind: 'refused', because: `Cloudflare refuses it: ${because}` }
    case 'later':
      return { later: because, ...(reply.afterMs === undefined ? {} : { afterMs: reply.afterMs }) }
  }
}

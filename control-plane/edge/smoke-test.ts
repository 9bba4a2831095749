import { signCall } from '#routes/call.ts'
import { headers, paths } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { count, document, record, text } from '#routes/shape.ts'
import type { TableNumber } from '#routes/vocabulary.ts'
import { boundedText, innermostWords } from '#server-kit/bounded-text.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'

export interface SmokeResult {
  readonly passed: boolean
  /** What was seen; '' when it passed. */
  readonly because: string
}

/** PORT: asks a version of the script itself, whatever its share of the traffic. Never rejects. */
export type SmokeTest = (versionId: string, formerId: string, structure: TableNumber) => Promise<SmokeResult>

export interface SmokeSettings {
  /** Where the edge's own host is reached: `https://api.example.com`. */
  readonly host: string
  readonly script: string
  /** Read anew for each call: rings are renewed while the program runs. */
  readonly ring: () => KeyRing
  readonly clock: Clock
  readonly random: Random
  readonly stopped: AbortSignal
}

/** A structured field, a dictionary (RFC 9651 3.2): the name of the script, and the version that is to answer. */
const overrideHeader = 'cloudflare-workers-version-overrides'
const limitMs = 5_000
const answerLimitBytes = 1024 * 1024
/** Whoever answers writes these words, and they go into the journal. */
const becauseLimit = 300

/**
 * Signed calls under the host, addressed to a version of the deployment: its status must be its own and tell the structure,
 * and by a marked request each it must reach every site that the former version reaches.
 */
export function smokeOverHttp(settings: SmokeSettings): SmokeTest {
  const ask = (path: string, versionId: string) => askVersion(settings, `${paths.edge}${path}`, versionId)
  return async (versionId, formerId, structure) => {
    const status = await ask('/status', versionId)
    if (typeof status === 'string') return failed(status)
    const { scriptVersion, held, refusals } = status
    if (scriptVersion !== versionId)
      return failed(`${text(scriptVersion) ?? 'a worker that tells no version'} answered for it`)
    const holds = count(record(record(held)?.['structure'])?.['number']) ?? 0
    if (holds < structure) return failed(`it runs structure ${holds}, not ${structure}`)
    const refused = refusedBundle(refusals, structure)
    if (refused !== undefined) return failed(`it refuses its own table: ${refused}`)
    const cut = unreachedSites(await ask('/probe', versionId))
    if (cut.length === 0) return { passed: true, because: '' }
    // A site that is away is no fault of a version: it is if the former one gets there.
    const cutBefore = unreachedSites(await ask('/probe', formerId))
    const lost = cut.filter((site) => !cutBefore.includes(site))
    return lost.length === 0 ? { passed: true, because: '' } : failed(`it does not reach ${lost.join(', ')}`)
  }
}

function failed(because: string): SmokeResult {
  return { passed: false, because: because.slice(0, becauseLimit) }
}

/** It may run a good table from elsewhere while the one that it starts with is of no use. */
function refusedBundle(refusals: unknown, structure: TableNumber): string | undefined {
  if (!Array.isArray(refusals)) return undefined
  const read = refusals.map((refusal) => record(refusal) ?? {})
  const own = read.find(
    ({ kind, because, offered }) => kind === 'structure' && because !== 'older' && (offered ?? structure) === structure,
  )
  return own && String(own['because'])
}

const everySite = ['any site']

function unreachedSites(probe: Readonly<Record<string, unknown>> | string): readonly string[] {
  if (typeof probe === 'string' || !Array.isArray(probe['sites'])) return everySite
  return probe['sites'].flatMap((one) => {
    const { site, failed } = record(one) ?? {}
    return failed === undefined ? [] : [String(site)]
  })
}

/** The answer, or why there is none. */
async function askVersion(
  { host, script, ring, clock, random, stopped }: SmokeSettings,
  target: string,
  versionId: string,
): Promise<Readonly<Record<string, unknown>> | string> {
  try {
    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
    const answer = await fetch(new URL(target, host), {
      headers: {
        [headers.call]: await signCall(call, ring(), clock.now(), random.id()),
        [overrideHeader]: `${script}="${versionId}"`,
      },
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(limitMs), stopped]),
    })
    if (!answer.ok) {
      await answer.body?.cancel()
      return `it answered ${answer.status}`
    }
    return document((await boundedText(answer, answerLimitBytes)) ?? '') ?? 'its answer is not what an edge tells'
  } catch (cause) {
    return `no answer: ${innermostWords(cause)}`
  }
}

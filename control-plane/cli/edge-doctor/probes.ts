/** What doctor looks at, in the order of its report: how each is asked. What the answers mean stands in `judge-*.ts`. */
import { createHash } from 'node:crypto'
import { watchIdle } from './connection.ts'
import type { Doctor } from './doctor.ts'
import type { Finding, Judgement } from './finding.ts'
import {
  judgeAbsoluteForm,
  judgeAddress,
  judgeCookies,
  judgeEcho,
  judgeHost,
  judgeLoop,
  judgeMark,
  judgeSite,
  spoofed,
  twoCookies,
} from './judge-arrival.ts'
import {
  expectMs,
  judgeBodyLimit,
  judgeCache,
  judgeEarlyHints,
  judgeEvents,
  judgeExpect,
  judgeGzip,
  judgeHalfClose,
  judgeLongRead,
  judgeRecompression,
  judgeWebSocket,
  slowSeconds,
} from './judge-bodies.ts'
import { judgeMutualTls, judgeUnsigned } from './judge-origin.ts'
import { judgeLongUrl, judgePath, longTargetBytes, pathCases } from './judge-paths.ts'
import { judgeDeployment, judgeFailOpen, judgeKv } from './judge-publishing.ts'
import { idleNeededMs, judgeCertificate, judgeClock, judgeIdle, judgeTable, judgeWatchedIdle } from './judge-time.ts'
import { replyOf, unseen } from './reply.ts'

export interface Probe {
  readonly name: string
  /** Takes minutes: only with --slow. */
  readonly slow?: true
  look(doctor: Doctor): Promise<readonly Omit<Finding, 'probe'>[]>
}

export const probes: readonly Probe[] = [
  one('certificate', async (d) => judgeCertificate((await d.plain()).outcome, d.now())),
  one('echo', async (d) => judgeEcho(await d.plain(), d.host)),
  one('mark', async (d) => judgeMark(await d.plain())),
  one('loop', async (d) => judgeLoop(await d.plain())),
  one('host', async (d) => judgeHost(await d.plain(), d.host)),
  { name: 'site', look: lookAtSites },
  ...pathCases.map((each) =>
    one(each.probe, async (d) => {
      const target = `${d.path}/${each.suffix}`
      return judgePath(await d.echo({ target }), target, each)
    }),
  ),
  one('long-url', async (d) => {
    const target = `${d.path}?q=`.padEnd(longTargetBytes, 'x')
    return judgeLongUrl(await d.echo({ target }), target)
  }),
  one('absolute-form', async (d) =>
    judgeAbsoluteForm(await d.echo({ form: `${d.place.url.protocol}//${d.host}${d.path}` }), d.path, d.host),
  ),
  one('cookies', async (d) => judgeCookies(await d.echo({ fields: twoCookies.map((cookie) => ['Cookie', cookie]) }))),
  one('client-address', async (d) => {
    const plain = await d.plain()
    return judgeAddress(plain, await d.echo({ fields: Object.entries(spoofed) }), plain.outcome.localAddress)
  }),
  one('expect', async (d) => {
    const body = Buffer.alloc(64 * 1024, 'e')
    const reply = await d.echo({ method: 'POST', body, fields: [['Expect', '100-continue']], expectMs })
    return judgeExpect(reply, { bytes: body.length, digest: digestOf(body, 1) })
  }),
  one('body-limit', async (d) => {
    const part = Buffer.alloc(64 * 1024, 'b')
    const times = Math.ceil(d.options.bodyBytes / part.length)
    const reply = await d.echo({ method: 'PUT', body: part, times, deadlineMs: 120_000 })
    return judgeBodyLimit(reply, { bytes: part.length * times, digest: digestOf(part, times) })
  }),
  one('early-hints', async (d) => judgeEarlyHints(await d.echo({ behaviour: 'early' }))),
  one('half-close', async (d) => judgeHalfClose(await d.echo({ halfClose: true, deadlineMs: 3_000 }))),
  one('gzip', async (d) => judgeGzip(await d.echo({ behaviour: 'gzip', fields: [['Accept-Encoding', 'gzip']] }))),
  one('recompression', async (d) => judgeRecompression(await d.echo({ fields: [['Accept-Encoding', 'gzip, br']] }))),
  one('cache', async (d) => {
    // The ending is what caches go by that do not read Cache-Control.
    const asked = { behaviour: 'cache', target: `${d.path}.css` } as const
    const first = await d.echo(asked)
    return judgeCache(first, await d.echo(asked))
  }),
  one('events', async (d) => judgeEvents(await d.ask({ behaviour: 'sse', fields: [['Accept', 'text/event-stream']] }))),
  one('websocket', async (d) => {
    const outcome = await d.ask({ fields: upgrade, connection: 'Upgrade', deadlineMs: 3_000, until: '"instance"' })
    return judgeWebSocket(outcome, replyOf(outcome))
  }),
  one('idle', async (d) => judgeIdle(await d.plain(), await d.onCloudflare())),
  one('clock', async (d) => {
    const outcome = await d.ask({})
    // Half of the way back lies between the echo and its arrival.
    return judgeClock(replyOf(outcome), d.planeNow() - outcome.ms / 2)
  }),
  one('table', async (d) => {
    const plain = await d.plain()
    return plain.kind === 'silence' ? unseen(plain) : judgeTable(await d.status(), (await d.plane.status()).table)
  }),
  one('kv', async (d) => judgeKv(await d.publishing())),
  one('deployment', async (d) => judgeDeployment(await d.publishing())),
  one('fail-open', async (d) => judgeFailOpen(await d.publishing())),
  { name: 'origin-unsigned', look: (d) => ofOrigins(d, async (url) => judgeUnsigned(replyOf(await d.unsigned(url)))) },
  {
    name: 'origin-mtls',
    look: (d) => ofOrigins(d, async (url) => judgeMutualTls(replyOf(await d.unsigned(url)), url.protocol)),
  },
  {
    name: 'long-read',
    slow: true,
    look: async (d) => {
      const asked = { behaviour: `slow${slowSeconds}`, deadlineMs: (slowSeconds + 20) * 1_000 } as const
      return [judgeLongRead(await d.echo(asked))]
    },
  },
  {
    name: 'idle-watched',
    slow: true,
    look: async (d) => {
      const onCloudflare = await d.onCloudflare()
      return ofOrigins(d, async (url) => {
        const watched = await watchIdle(
          { ...d.place, url },
          d.unsignedHead,
          idleNeededMs(onCloudflare) + 1_000,
          d.clock,
        )
        return judgeWatchedIdle(watched, onCloudflare)
      })
    },
  },
]

function one(name: string, look: (doctor: Doctor) => Promise<Judgement>): Probe {
  return { name, look: async (doctor) => [await look(doctor)] }
}

/** Of each site one route that leads there now, so that each way of the edge is taken once. */
async function lookAtSites(doctor: Doctor): Promise<readonly Omit<Finding, 'probe'>[]> {
  const findings: Omit<Finding, 'probe'>[] = []
  for (const { site, target, because } of await doctor.waysToSites()) {
    if (target === undefined) {
      findings.push({ subject: site, verdict: 'unknown', evidence: `no GET of ${doctor.host} leads there now` })
    } else findings.push({ subject: site, ...judgeSite(await doctor.echo({ target }), site, because) })
  }
  return findings
}

async function ofOrigins(
  { options }: Doctor,
  judge: (url: URL) => Promise<Judgement>,
): Promise<readonly Omit<Finding, 'probe'>[]> {
  const findings: Omit<Finding, 'probe'>[] = []
  for (const [site, url] of options.origins) findings.push({ subject: site, ...(await judge(url)) })
  if (findings.length > 0) return findings
  return [{ verdict: 'unknown', evidence: 'no origin was named', fix: 'Name each: --origin SITE=https://...' }]
}

const upgrade = [
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'ZG9jdG9yLWRvY3Rvci1kbw=='],
] as const

function digestOf(part: Uint8Array, times: number): string {
  const hash = createHash('sha256')
  for (let done = 0; done < times; done++) hash.update(part)
  return hash.digest('base64url')
}

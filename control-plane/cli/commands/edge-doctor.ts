import { systemClock } from '#server-kit/clock.ts'
import { Doctor } from '../edge-doctor/doctor.ts'
import type { Finding } from '../edge-doctor/finding.ts'
import { placeOf, urlOf } from '../edge-doctor/place.ts'
import { type Probe, probes } from '../edge-doctor/probes.ts'
import { problems } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { portsAt } from '../local/ports.ts'
import { json, table } from '../print.ts'
import type { Session } from '../session.ts'

interface Options {
  readonly host: string
  readonly url?: string
  readonly only?: readonly string[]
  readonly origin?: readonly string[]
  readonly slow?: true
  readonly body?: string
  readonly ca?: string
}

/** `tidegate edge doctor`: whether what stands before the gateways passes requests as they are. Exit code 1 when not. */
export async function doctor(
  { client, out, tell, format, folder, portBase }: Session,
  _: readonly string[],
  options: Options,
): Promise<void> {
  const chosen = choose(options)
  // Asked of the system that `npm start` runs, the edge of that is meant, not whoever has the name in the world.
  const near = portBase === undefined ? {} : { url: `http://127.0.0.1:${portsAt(portBase).edge}` }
  const place = placeOf({ ...near, ...options }, folder)
  const settings = { origins: originsOf(options.origin ?? []), bodyBytes: bytesOf(options.body ?? '2MiB') }
  tell(`Asking ${place.url.origin} as ${place.host} ...`)
  const patient = await Doctor.begin(place, client, systemClock, settings)
  const findings: Finding[] = []
  for (const { name, slow, look } of chosen) {
    if (slow) tell(`${name}: this takes a while`)
    for (const finding of await look(patient)) findings.push({ probe: name, ...finding })
  }
  if (findings.some(({ verdict }) => verdict === 'wrong')) process.exitCode = exitCodes.failed
  if (format === 'json') return out(json(findings))
  out(
    table(findings, [
      { head: 'verdict', of: ({ verdict }) => (verdict === 'ok' ? 'OK' : verdict) },
      { head: 'probe', of: ({ probe, subject }) => (subject === undefined ? probe : `${probe} ${subject}`) },
      { head: 'evidence', of: ({ evidence }) => evidence },
    ]),
  )
  for (const { probe, subject = '', verdict, fix } of findings) {
    if (fix !== undefined && verdict !== 'ok') tell(`${[probe, subject].join(' ').trim()}: ${fix}`)
  }
}

function choose({ only, slow }: Options): readonly Probe[] {
  if (only === undefined) return probes.filter((probe) => slow || !probe.slow)
  const unknown = only.find((name) => !probes.some((probe) => probe.name === name))
  if (unknown === undefined) return probes.filter(({ name }) => only.includes(name))
  throw problems['usage-wrong']({
    reason: `There is no probe ${unknown}`,
    usage: `--only takes ${probes.map(({ name }) => name).join(', ')}`,
  })
}

function originsOf(texts: readonly string[]): ReadonlyMap<string, URL> {
  return new Map(
    texts.map((text) => {
      const [, site = '', url = ''] = /^([a-z0-9-]{1,63})=(.+)$/.exec(text) ?? []
      return [site, urlOf(url === '' ? text : url)]
    }),
  )
}

function bytesOf(text: string): number {
  const [, number, unit] = /^(\d{1,6})(KiB|MiB)$/.exec(text) ?? []
  const bytes = Number(number) * (unit === 'MiB' ? 1_048_576 : 1_024)
  if (bytes > 0 && bytes <= mostBytes) return bytes
  throw problems['usage-wrong']({
    reason: `--body ${text} is no size of an upload`,
    usage: 'From 1KiB to 600MiB: --body 100MiB',
  })
}

/** What an echo reads at the most. */
const mostBytes = 600 * 1_048_576

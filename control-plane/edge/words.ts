import { signCall } from '#routes/call.ts'
import { echoValue, readEchoValue } from '#routes/echo.ts'
import { cookies, headers, paths } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'
import { writeSigned } from '#routes/signed-value.ts'
import type { EchoWordsAnswer, ForceAnswer, StatusCallAnswer } from '../api-client/edge-schema.ts'
import { problems } from '../errors.ts'

/** What the control plane signs for a person, so that edges and gateways do for them what they do for nobody else. */

const minuteMs = 60_000
/** A forgotten word of a tester must not decide next week where he is served. */
const longestForceMs = 24 * 60 * minuteMs
/** The doctor's short probes are through by then, and what is left in a shell's history is worth nothing. */
const echoMs = 5 * minuteMs
/** Edges and gateways believe a signed call for so long. */
const callMs = minuteMs

/** How long `30m` or `1h` is; throws `force-time-invalid` above a day. */
export function forceMs(text: string): number {
  const ms = Number.parseInt(text, 10) * (text.endsWith('h') ? 60 : 1) * minuteMs
  if (ms > longestForceMs) throw problems['force-time-invalid']({ time: text })
  return ms
}

/** By which the reads of whoever shows it go to `site` until `expiresAt`. */
export async function forceWord(site: string, expiresAt: number, ring: KeyRing): Promise<ForceAnswer> {
  const value = await writeSigned('force', site, expiresAt, ring)
  // What is signed are whole seconds.
  const until = Math.floor(expiresAt / 1_000) * 1_000
  return { site, header: { name: headers.force, value }, cookie: { name: cookies.force, value }, expiresAt: until }
}

/** A word for each behaviour, by which a gateway tells what arrived. Throws `echo-unknown`. */
export async function echoWords(
  behaviours: readonly string[],
  nonce: () => string,
  ring: KeyRing,
  now: number,
): Promise<EchoWordsAnswer> {
  const expiresAt = now + echoMs
  const words: Record<string, string> = {}
  for (const behaviour of behaviours) {
    const value = echoValue(behaviour as Parameters<typeof echoValue>[0], nonce())
    if (readEchoValue(value) === undefined) throw problems['echo-unknown']({ behaviour })
    words[behaviour] = await writeSigned('echo', value, expiresAt, ring)
  }
  return { header: headers.echo, words, now, expiresAt }
}

/** A call that any edge of this environment answers with its status, for a minute. */
export async function statusCall(nonce: string, ring: KeyRing, now: number): Promise<StatusCallAnswer> {
  const target = `${paths.edge}/status`
  const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
  const value = await signCall(call, ring, now, nonce)
  return { target, header: { name: headers.call, value }, now, expiresAt: now + callMs }
}

import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { JSONWebKeySet, JWK } from 'jose'
import { Agent, request } from 'undici'
import { problems } from '../errors.ts'
import type { FetchKeys } from './key-set.ts'

const limitBytes = 256 * 1024
const limitKeys = 100

/** Fetches key sets over HTTP: no redirects, at most 256 KiB, `deadlineMs` in all. */
export function keyFetcher(deadlineMs: number): { readonly fetch: FetchKeys; readonly close: () => Promise<void> } {
  const agent = new Agent({ connections: 1, connect: { timeout: deadlineMs } })
  return {
    fetch: async (url) => {
      const signal = AbortSignal.timeout(deadlineMs)
      const answer = await request(url, { dispatcher: agent, signal, headers: { accept: 'application/json' } })
      if (answer.statusCode !== 200) {
        answer.body.destroy()
        throw problems['jwt-keys-unreadable']({ url, because: `status ${answer.statusCode}` })
      }
      const pieces: Buffer[] = []
      let size = 0
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        size += piece.length
        if (size > limitBytes) throw problems['jwt-keys-unreadable']({ url, because: `more than ${limitBytes} bytes` })
        pieces.push(piece)
      }
      return readKeys(url, Buffer.concat(pieces).toString())
    },
    close: () => agent.destroy(),
  }
}

/** RFC 7518 section 3.3. */
const leastModulusBits = 2_048

/** Whoever names a broken key, or one that is too short, would else get a failure of ours for an answer. */
function verifies(key: JWK): boolean {
  try {
    const { modulusLength } = createPublicKey({ key: key as JsonWebKey, format: 'jwk' }).asymmetricKeyDetails ?? {}
    return modulusLength === undefined || modulusLength >= leastModulusBits
  } catch {
    // No point of its curve, or of a curve that is not known here: no signature is verified by it.
    return false
  }
}

/** Public keys for signatures alone: a shared secret in a key set, whoever put it there, verifies nothing. */
export function readKeys(url: string, text: string): JSONWebKeySet {
  let keys: unknown
  try {
    keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys
  } catch (cause) {
    throw problems['jwt-keys-unreadable']({ url, because: 'it is not JSON', cause })
  }
  if (!Array.isArray(keys) || keys.length > limitKeys)
    throw problems['jwt-keys-unreadable']({ url, because: `it has no list of at most ${limitKeys} keys` })
  const usable = (keys as (JWK | null)[]).filter(
    (key) =>
      key !== null && ['RSA', 'EC', 'OKP'].includes(key.kty ?? '') && (key.use ?? 'sig') === 'sig' && verifies(key),
  )
  if (usable.length === 0)
    throw problems['jwt-keys-unreadable']({ url, because: 'it has no public key for signatures' })
  return { keys: usable as JWK[] }
}

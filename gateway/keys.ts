import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { KeyRing, type Purpose, type RingFile, type TrustedKeys, trustedKeys } from '#routes/seal.ts'
import type { Log } from '#server-kit/log.ts'
import { readSecret } from '#server-kit/secret.ts'
import type { GatewayConfig } from './config.ts'
import { problems } from './errors.ts'

export interface Rings {
  readonly edge: KeyRing | undefined
  readonly peers: KeyRing | undefined
  readonly control: KeyRing | undefined
}

/** All key files that a configuration names, as they are now. */
export interface Keys {
  readonly rings: Rings
  readonly trusted: TrustedKeys
  /** Another one when any of the files has changed: what is made from them is then made anew. */
  readonly digest: string
}

/** Throws `key-file-invalid` or what is wrong with a secret file. */
export async function openKeys({ yaml, path }: GatewayConfig, log: Log): Promise<Keys> {
  const { tables = '', edge, peers, control } = yaml.keys
  const digest = createHash('sha256')
  for (const file of [tables, edge, peers, control]) digest.update(file === undefined ? '-' : textOf(path(file)))
  return {
    rings: await openRings(yaml.keys, path, log),
    trusted: await openTrustedKeys(path(tables)),
    digest: digest.digest('base64url'),
  }
}

/** One that cannot be read is told where it is opened, with its purpose. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** All rings that the configuration names, each for its one purpose. */
async function openRings(
  { edge, peers, control }: { readonly [Name in keyof Rings]?: string },
  path: (relative: string) => string,
  log: Log,
): Promise<Rings> {
  const at = (file: string | undefined) => (file === undefined ? undefined : path(file))
  return {
    edge: await openRing(at(edge), 'edge-gateway', log),
    peers: await openRing(at(peers), 'gateway-gateway', log),
    control: await openRing(at(control), 'control-gateway', log),
  }
}

/** Opens a ring file for one purpose; one of another purpose is refused, so that no key speaks for two pairs. */
async function openRing(path: string | undefined, purpose: Purpose, log: Log): Promise<KeyRing | undefined> {
  if (path === undefined) return undefined
  const text = readSecret(
    `\${file:${path}}`,
    {},
    { warn: (problem) => log.warn({ err: problem }, 'a secret file is open to others') },
  )
  const file = parsed(path, text, purpose) as RingFile
  if (file.purpose !== purpose)
    throw problems['key-file-invalid']({ path, purpose, because: `its purpose is ${file.purpose}` })
  const ring = Array.isArray(file.keys) ? await KeyRing.open(file) : undefined
  if (ring === undefined)
    throw problems['key-file-invalid']({ path, purpose, because: 'it needs one or two keys of 32 bytes or more' })
  return ring
}

/** The public keys whose signature on tables is believed. */
async function openTrustedKeys(path: string): Promise<TrustedKeys> {
  const purpose = 'tables'
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw problems['key-file-invalid']({ path, purpose, because: 'it cannot be read', cause })
  }
  const { keys } = parsed(path, text, purpose) as { keys?: { id: string; publicKey: string }[] }
  const trusted = Array.isArray(keys) && keys.length > 0 ? await trustedKeys(keys) : undefined
  if (trusted === undefined)
    throw problems['key-file-invalid']({ path, purpose, because: 'it holds no Ed25519 public key' })
  return trusted
}

function parsed(path: string, text: string, purpose: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Told below: the text itself may be a secret and is not among the facts.
  }
  throw problems['key-file-invalid']({ path, purpose, because: 'it is not a JSON object' })
}

import {
  KeyRing,
  type Purpose,
  type RingFile,
  type SigningKey,
  seal,
  signingKey,
  type TrustedKeys,
  trustedKeys,
} from '#routes/seal.ts'
import { readKeptJson } from '#server-kit/kept-file.ts'
import { problems } from './errors.ts'
import type { Sealer } from './tables/publish.ts'

/** The secrets that the control plane holds. */
export interface Keys {
  readonly sealer: Sealer
  /** Id of the key that seals now. */
  readonly sealingId: string
  /** Our own public keys, during a rotation also the earlier one: by them we know our documents again. */
  readonly trusted: TrustedKeys
  readonly rings: { readonly 'control-gateway': KeyRing; readonly 'edge-control': KeyRing }
}

export interface KeyFiles {
  readonly tableSigning: string
  readonly gateways: string
  readonly edges: string
}

const limitBytes = 64 * 1024

/**
 * Reads the rings again, both or none: whoever signs or verifies by `keys` does so by the new ones from then on. What seals
 * tables is taken at a start alone, which publishes them anew.
 */
export async function renewRings(keys: Keys, files: KeyFiles): Promise<void> {
  const { rings } = await readKeys(files)
  Object.assign(keys.rings, rings)
}

/** Reads the key files; throws `key-file-refused` naming the first that is missing or malformed. */
export async function readKeys(files: KeyFiles): Promise<Keys> {
  const { signing, trusted } = await readSigningKey(files.tableSigning)
  return {
    sealer: (kind, body) => seal(kind, body, signing),
    sealingId: signing.id,
    trusted,
    rings: {
      'control-gateway': await readRing(files.gateways, 'control-gateway'),
      'edge-control': await readRing(files.edges, 'edge-control'),
    },
  }
}

async function readSigningKey(path: string): Promise<{ signing: SigningKey; trusted: TrustedKeys }> {
  const file = (await readFile(path)) as SigningFile
  const { id, privateKey, publicKey, earlier } = file
  if (typeof id !== 'string' || typeof privateKey !== 'string' || typeof publicKey !== 'string') {
    throw problems['key-file-refused']({ path, because: 'it has not the three texts id, privateKey and publicKey' })
  }
  const signing = await imported(path, () => signingKey(id, privateKey))
  const own = [{ id, publicKey }, ...(earlier === undefined ? [] : [earlier])]
  return { signing, trusted: await imported(path, () => trustedKeys(own)) }
}

interface SigningFile {
  readonly id?: unknown
  readonly privateKey?: unknown
  readonly publicKey?: unknown
  /** The public half of the key before it, until that is retired. */
  readonly earlier?: { readonly id: string; readonly publicKey: string }
}

async function readRing(path: string, purpose: Purpose): Promise<KeyRing> {
  const file = (await readFile(path)) as Partial<RingFile>
  if (file.purpose !== purpose) {
    throw problems['key-file-refused']({ path, because: `its purpose is ${String(file.purpose)}, not ${purpose}` })
  }
  return imported(path, async () => (Array.isArray(file.keys) ? await KeyRing.open(file as RingFile) : undefined))
}

async function readFile(path: string): Promise<object> {
  const value = await readKeptJson(path, limitBytes)
  if (typeof value === 'object' && value !== null) return value
  throw problems['key-file-refused']({ path, because: value === undefined ? 'it is not there' : 'it is not an object' })
}

async function imported<Key>(path: string, open: () => Promise<Key | undefined>): Promise<Key> {
  try {
    const key = await open()
    if (key !== undefined) return key
  } catch (cause) {
    throw problems['key-file-refused']({ path, because: 'a key in it cannot be imported', cause })
  }
  throw problems['key-file-refused']({ path, because: 'a key in it is malformed' })
}

/** The keys by which the programs know one another: made once, readable by their owner alone. */
import type { webcrypto } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '#routes/base64url.ts'
import type { Purpose } from '#routes/seal.ts'
import { writeKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'
import { type AgedRing, type AgedSecret, opened, type SealingPair } from './rotation.ts'

export const purposes: readonly Purpose[] = ['edge-gateway', 'gateway-gateway', 'control-gateway', 'edge-control']
/** The pair that seals tables, and its public half for all who read them. */
export const sealingName = 'tables.json'
export const openName = 'tables.public.json'

export interface WrittenKeys {
  readonly written: readonly string[]
  /** What was there before and is left alone. */
  readonly kept: readonly string[]
}

/**
 * Writes each key file that `folder` lacks: a ring for each pair of programs, and the pair of keys that seals tables.
 * An existing key is never replaced: what it sealed would be refused from then on.
 */
export async function writeKeys(folder: string): Promise<WrittenKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const written: string[] = []
  const kept: string[] = []
  for (const purpose of purposes) {
    const file = join(folder, `${purpose}.json`)
    if (await exists(file)) kept.push(file)
    else {
      await writeSecretFile(file, text(ring(purpose)))
      written.push(file)
    }
  }
  const sealing = join(folder, sealingName)
  let pair: SealingPair
  if (await exists(sealing)) {
    pair = JSON.parse(await readFile(sealing, 'utf8'))
    kept.push(sealing)
  } else {
    pair = await newPair('t1')
    await writeSecretFile(sealing, text(pair))
    written.push(sealing)
  }
  // Made from the private file, so that a crash between the two leaves no key that nobody believes.
  const open = join(folder, openName)
  if (await exists(open)) kept.push(open)
  else {
    await writeKeptFile(open, text({ keys: [opened(pair)] }))
    written.push(open)
  }
  return { written, kept }
}

function ring(purpose: Purpose): AgedRing {
  return { purpose, keys: [newSecret('k1')] }
}

export function newSecret(id: string): AgedSecret {
  const secret = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  return { id, createdAt: new Date().toISOString(), secret }
}

export async function newPair(id: string): Promise<SealingPair> {
  const { privateKey, publicKey } = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const encoded = async (format: 'pkcs8' | 'raw', key: webcrypto.CryptoKey) =>
    encodeBase64url(new Uint8Array(await crypto.subtle.exportKey(format, key)))
  return {
    id,
    createdAt: new Date().toISOString(),
    privateKey: await encoded('pkcs8', privateKey),
    publicKey: await encoded('raw', publicKey),
  }
}

export const text = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw problems['home-unusable']({ path: file, reason: (cause as Error).message, cause })
  }
}

/** The keys by which the programs know one another: made once, readable by their owner alone. */
import type { webcrypto } from 'node:crypto'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeBase64url } from '#routes/base64url.ts'
import type { Purpose, RingFile } from '#routes/seal.ts'
import { writeKeptFile } from '#server-kit/kept-file.ts'
import { writeSecretFile } from '#server-kit/secret.ts'
import { problems } from '../errors.ts'

const purposes: readonly Purpose[] = ['edge-gateway', 'gateway-gateway', 'control-gateway', 'edge-control']

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
  const sealing = join(folder, 'tables.json')
  let pair: SealingPair
  if (await exists(sealing)) {
    pair = JSON.parse(await readFile(sealing, 'utf8'))
    kept.push(sealing)
  } else {
    pair = await sealingPair('t1')
    await writeSecretFile(sealing, text(pair))
    written.push(sealing)
  }
  // Made from the private file, so that a crash between the two leaves no key that nobody believes.
  const open = join(folder, 'tables.public.json')
  if (await exists(open)) kept.push(open)
  else {
    await writeKeptFile(open, text({ keys: [{ id: pair.id, publicKey: pair.publicKey }] }))
    written.push(open)
  }
  return { written, kept }
}

function ring(purpose: Purpose): RingFile {
  const secret = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  return { purpose, keys: [{ id: 'k1', secret }] }
}

interface SealingPair {
  readonly id: string
  readonly privateKey: string
  readonly publicKey: string
}

async function sealingPair(id: string): Promise<SealingPair> {
  const { privateKey, publicKey } = (await crypto.subtle.generateKey('Ed25519', true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const encoded = async (format: 'pkcs8' | 'raw', key: webcrypto.CryptoKey) =>
    encodeBase64url(new Uint8Array(await crypto.subtle.exportKey(format, key)))
  return { id, privateKey: await encoded('pkcs8', privateKey), publicKey: await encoded('raw', publicKey) }
}

const text = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw problems['home-unusable']({ path: file, reason: (cause as Error).message, cause })
  }
}
